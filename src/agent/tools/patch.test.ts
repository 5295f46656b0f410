import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { applyPatch } from 'diff';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reindent } from './patch/fit.ts';
import { findMatch, type Strategy } from './patch/match.ts';
import { replaceIn } from './patch/replace.ts';
import { applyHunks, parseV4A } from './patch/v4a.ts';
import { openBench } from './testing.ts';

describe('matching', () => {
  it.each<readonly [Strategy, string, string, string]>([
    ['exact', 'a b c', 'b', 'b'],
    ['line_trimmed', 'x\n  foo()\n\tbar()  \ny', 'foo()\nbar()', '  foo()\n\tbar()  '],
    ['whitespace_normalized', 'a\nlet  x =\t1;\nb', 'let x = 1;', 'let  x =\t1;'],
    ['indentation_flexible', '    if x:  \n        y  z', 'if x:  \n  y  z', '    if x:  \n        y  z'],
    ['escape_normalized', 'a\nb\tc\n', 'a\\nb\\tc', 'a\nb\tc'],
    ['trimmed_boundary', '  f {\n  in  side\n  }\n', 'f {\n  in  side\n}', '  f {\n  in  side\n  }'],
    [
      'unicode_normalized',
      'say \u201chello\u201d \u2026 now',
      'say "hello" ... now',
      'say \u201chello\u201d \u2026 now',
    ],
    [
      'block_anchor',
      'begin\n  total = compute(a, b)\nend\n',
      'begin\n  total = compute(a, c, d)\nend',
      'begin\n  total = compute(a, b)\nend',
    ],
    [
      'context_aware',
      'x\nconst alpha = 1;\nconst beta = 22;\nz',
      'const alpha = 1;;\nconst beta = 23;',
      'const alpha = 1;\nconst beta = 22;',
    ],
  ])('%s', (strategy, text, wanted, region) => {
    const match = findMatch(text, wanted);
    // A later strategy may be implied by an earlier one; what matters is the place.
    expect(match?.spans.map(({ start, end }) => text.slice(start, end))).toEqual([region]);
    const order: readonly Strategy[] = [
      'exact',
      'line_trimmed',
      'whitespace_normalized',
      'indentation_flexible',
      'escape_normalized',
      'trimmed_boundary',
      'unicode_normalized',
      'block_anchor',
      'context_aware',
    ];
    expect(order.indexOf(match!.strategy)).toBeLessThanOrEqual(order.indexOf(strategy));
  });

  it.each([
    ['a b c', 'zzz'],
    ['', 'x'],
    ['one\ntwo\n', 'completely different\nlines here\n'],
    ['a\n\n\nb', '   '],
    ['\u2026', '..'],
  ])('finds nothing in %j for %j', (text, wanted) => {
    expect(findMatch(text, wanted)).toBeUndefined();
  });

  it('positions behind an ellipsis are counted back', () => {
    const text = '\u2026\u2026 \u201ca\u201d \u2026 \u201cb\u201d';
    expect(replaceIn(text, '"b"', 'X', false)).toMatchObject({ text: '\u2026\u2026 \u201ca\u201d \u2026 X' });
  });
});

describe('replacing', () => {
  it('what was there once is exactly replaced, whatever stands around it', () => {
    const line = fc.string({ maxLength: 20, unit: fc.constantFrom(...'ab {}()\t"\'\\') });
    const lines = fc.array(line, { maxLength: 30 }).map((all) => all.join('\n'));
    fc.assert(
      fc.property(lines, lines, lines, (before, after, replacement) => {
        const wanted = '\u0001unique\nblock\u0002';
        expect(replaceIn(before + wanted + after, wanted, replacement, false)).toMatchObject({
          text: before + replacement + after,
          count: 1,
          strategy: 'exact',
        });
      }),
    );
  });

  it('a piece of a random file, badly indented by the model, changes only its own lines', () => {
    const word = fc.string({ minLength: 3, maxLength: 8, unit: fc.constantFrom(...'abcdefgh') });
    const line = fc.tuple(fc.integer({ min: 0, max: 3 }), word);
    fc.assert(
      fc.property(fc.array(line, { minLength: 4, maxLength: 20 }), fc.nat(), fc.nat(), (rows, a, b) => {
        const named = rows.map(([depth, text], index) => ({ depth, text: `${text}_${index}` }));
        const file = named.map(({ depth, text }) => '    '.repeat(depth) + text);
        const from = a % named.length;
        const count = 1 + (b % (named.length - from));
        const piece = named.slice(from, from + count);
        const model = (rename: boolean) =>
          piece.map(({ depth, text }) => '  '.repeat(depth) + (rename ? `${text}_new` : text)).join('\n');
        const expected = file
          .map((row, index) => (index >= from && index < from + count ? `${row}_new` : row))
          .join('\n');
        const result = replaceIn(file.join('\n'), model(false), model(true), false);
        expect(result).toHaveProperty('text', expected);
      }),
    );
  });

  it('two-space text becomes four-space text at every depth, tabs stay tabs', () => {
    const file = 'def f():\n    if x:\n        return 1\n';
    expect(
      replaceIn(
        file,
        'def f():\n  if x:\n    return 1',
        'def f():\n  if x:\n    if y:\n      return 2',
        false,
      ),
    ).toMatchObject({
      text: 'def f():\n    if x:\n        if y:\n            return 2\n',
    });
    expect(reindent('a\n  b\n    c', 'a\n  b', 'a\n\tb')).toBe('a\n\tb\n\t\tc');
    expect(reindent('  a\n    b', '  a', '        a')).toBe('        a\n          b');
  });

  it.each([
    ['', 'x', /empty/],
    ['a', 'a', /same/],
    ['nowhere to be found', 'x', /Could not find/],
    [
      'dup',
      'x',
      /^Found 2 matches for old_string\. Provide more context to make it unique, or use replace_all=True\.$/,
    ],
  ])('refuses %j → %j', (wanted, replacement, error) => {
    expect(replaceIn('dup one dup', wanted, replacement, false)).toEqual({
      error: expect.stringMatching(error),
    });
  });

  it('replaces all when asked', () => {
    expect(replaceIn('dup one dup', 'dup', 'x', true)).toMatchObject({ text: 'x one x', count: 2 });
  });

  it('refuses quotes that the model escaped and the file did not', () => {
    const result = replaceIn('  say("hi")\n  end\n', 'say(\\"hi\\")\nend', 'say(\\"ho\\")\nend', false);
    expect(result).toEqual({ error: expect.stringContaining('Escape drift') });
  });

  it('decodes \\t only where the file has a real tab', () => {
    expect(replaceIn('a\tb  c\n', 'a\tb c', 'a\\tX', false)).toMatchObject({ text: 'a\tX\n' });
    expect(replaceIn('a b  c\n', 'a b c', 'a\\tX', false)).toMatchObject({ text: 'a\\tX\n' });
  });

  it('shows near misses', () => {
    expect(
      replaceIn(
        'function alpha() {\n  return 1;\n}\n',
        'function alhpa(x, y, z) {\n  nothing\n  alike\n  here',
        'x',
        false,
      ),
    ).toEqual({
      error: expect.stringMatching(/Did you mean one of these sections\?\n1\| function alpha\(\) \{/),
    });
  });

  it.each([
    ['a\n'.repeat(50_000), 'b\n'.repeat(2_000)],
    [`${'x'.repeat(200)}\n`.repeat(5_000), `${'y'.repeat(200)}\n`.repeat(500)],
    [`{\n${'q'.repeat(1_000)}\n}\n`.repeat(3_000), `{\n${'w'.repeat(1_000)}\n}`],
  ])('hostile sizes are given up, not waited for', (text, wanted) => {
    expect(replaceIn(text, wanted, 'x', false)).toHaveProperty('error');
  });
});

describe('V4A patches', () => {
  const wrap = (body: string) => `*** Begin Patch\n${body}\n*** End Patch`;

  it('parse and apply with hints, additions and deletions', () => {
    const parsed = parseV4A(
      wrap(
        '*** Update File: a.py\n@@ def g @@\n-  return 1\n+  return 2\n*** Add File: b\n+one\n+two\n*** Delete File: c',
      ),
    );
    expect(parsed).toEqual({
      changes: [
        {
          kind: 'update',
          path: 'a.py',
          hunks: [
            {
              hint: 'def g',
              lines: [
                { kind: '-', text: '  return 1' },
                { kind: '+', text: '  return 2' },
              ],
            },
          ],
        },
        { kind: 'add', path: 'b', text: 'one\ntwo\n' },
        { kind: 'delete', path: 'c' },
      ],
    });
    if ('error' in parsed || parsed.changes[0]?.kind !== 'update') throw new Error('not parsed');
    expect(applyHunks('def f:\n  return 1\ndef g:\n  return 1\n', parsed.changes[0].hunks)).toEqual({
      text: 'def f:\n  return 1\ndef g:\n  return 2\n',
    });
  });

  it.each([
    ['', /Begin Patch/],
    ['*** Begin Patch\n*** Update File: a\n+x', /End Patch/],
    [wrap('nonsense'), /expected/],
    [wrap('*** Update File: ../x\n-a'), /'\.\.' is not allowed/],
    [wrap('*** Add File: a/../../x\n+a'), /'\.\.' is not allowed/],
    [wrap('*** Add File: a\nno plus'), /must start with '\+'/],
    [wrap('*** Delete File: a\n-x'), /nothing may follow/],
    [wrap('*** Update File: a\n context only'), /changes nothing/],
    [wrap('*** Delete File: a\n*** Delete File: a'), /twice/],
    [wrap(''), /changes no file/],
  ])('refuse %j', (patch, error) => {
    expect(parseV4A(patch)).toEqual({ error: expect.stringMatching(error) });
  });

  it('nothing a model writes makes the parser throw or leave the folder', () => {
    const piece = fc.constantFrom(
      '*** Begin Patch',
      '*** End Patch',
      '*** Update File: a',
      '*** Add File: ../b',
      '*** Add File: c',
      '*** Delete File: d',
      '@@ x @@',
      '@@',
      '-a',
      '+b',
      ' c',
      '',
      'junk',
      '*** End of File',
      '\r',
      '***',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 12 })), { maxLength: 25 }), (lines) => {
        const parsed = parseV4A(lines.join('\n'));
        if ('error' in parsed) return;
        for (const change of parsed.changes) {
          expect(change.path).not.toContain('..');
          if (change.kind === 'update') applyHunks('a\nb\nc\n', change.hunks);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('a patch made from two versions of a random file turns one into the other', () => {
    const rows = fc.array(
      fc.tuple(
        fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'abc') }),
        fc.constantFrom('keep', 'drop', 'add'),
      ),
      { minLength: 1, maxLength: 15 },
    );
    fc.assert(
      fc.property(rows, (all) => {
        const named = all.map(([text, what], index) => ({ text: `${text}#${index}`, what }));
        if (named.every(({ what }) => what === 'keep') || named.every(({ what }) => what === 'add')) return;
        const text = (skip: string) =>
          named
            .filter(({ what }) => what !== skip)
            .map((row) => `${row.text}\n`)
            .join('');
        const body = named.map((row) => ({ keep: ' ', drop: '-', add: '+' })[row.what] + row.text).join('\n');
        const parsed = parseV4A(wrap(`*** Update File: f\n${body}`));
        if ('error' in parsed || parsed.changes[0]?.kind !== 'update')
          throw new Error(JSON.stringify(parsed));
        expect(applyHunks(text('add'), parsed.changes[0].hunks)).toEqual({ text: text('drop') });
      }),
    );
  });
});

describe('the patch tool', () => {
  it('answers a unified diff that really leads from the old to the new text', async () => {
    await using bench = await openBench();
    const old = 'one\ntwo\nthree\n';
    await writeFile(join(bench.dir, 'a.txt'), old);
    const result = await bench.call('patch', { path: 'a.txt', old_string: 'two', new_string: 'TWO' });
    expect(result).toMatchObject({ success: true, files_modified: [join(bench.dir, 'a.txt')] });
    expect(applyPatch(old, result['diff'] as string)).toBe('one\nTWO\nthree\n');
    expect(await readFile(join(bench.dir, 'a.txt'), 'utf8')).toBe('one\nTWO\nthree\n');
  });

  it('keeps CRLF and byte order mark', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'a'), '\ufeffa\r\nb\r\nc\r\n');
    await bench.call('patch', { path: 'a', old_string: 'a\nb', new_string: 'a\nx\ny' });
    expect(await readFile(join(bench.dir, 'a'), 'utf8')).toBe('\ufeffa\r\nx\r\ny\r\nc\r\n');
  });

  it('changes several files or none', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'a'), 'a\n');
    await writeFile(join(bench.dir, 'b'), 'b\n');
    const patch = (line: string) =>
      `*** Begin Patch\n*** Update File: a\n-a\n+A\n*** Add File: n/new\n+x\n*** Delete File: b\n*** Update File: c\n-${line}\n+C\n*** End Patch`;
    await writeFile(join(bench.dir, 'c'), 'c\n');
    expect(await bench.call('patch', { mode: 'patch', patch: patch('not there at all') })).toMatchObject({
      success: false,
    });
    expect((await readdir(bench.dir)).toSorted()).toEqual(['a', 'b', 'c']);
    expect(await readFile(join(bench.dir, 'a'), 'utf8')).toBe('a\n');
    expect(await bench.call('patch', { mode: 'patch', patch: patch('c') })).toMatchObject({
      success: true,
      files_modified: [join(bench.dir, 'a'), join(bench.dir, 'c')],
      files_created: [join(bench.dir, 'n/new')],
      files_deleted: [join(bench.dir, 'b')],
    });
    expect((await readdir(bench.dir)).toSorted()).toEqual(['a', 'c', 'n']);
  });

  it('hints at another way after the third failure', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'a'), 'x\n');
    const fail = () => bench.call('patch', { path: 'a', old_string: 'nothing like it', new_string: 'y' });
    expect(await fail()).not.toHaveProperty('_hint');
    await fail();
    expect(await fail()).toMatchObject({ success: false, _hint: expect.stringContaining('write_file') });
  });

  it('neither reads nor changes refused files', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, '.env'), 'KEY=topsecret\n');
    const replaced = await bench.raw('patch', { path: '.env', old_string: 'KEY=', new_string: 'x' });
    expect(replaced).not.toContain('topsecret');
    expect(JSON.parse(replaced)).toMatchObject({ success: false });
    const path = join(bench.home, 'config.yaml');
    expect(
      await bench.call('patch', {
        mode: 'patch',
        patch: `*** Begin Patch\n*** Add File: ${path}\n+x\n*** End Patch`,
      }),
    ).toMatchObject({ success: false });
  });

  it('many changes of one file at the same time all arrive', async () => {
    await using bench = await openBench();
    const names = Array.from({ length: 20 }, (_, index) => `line_${index}_`);
    await writeFile(join(bench.dir, 'a'), `${names.join('\n')}\n`);
    await Promise.all(
      names.map((name) =>
        bench.call('patch', { path: 'a', old_string: name, new_string: `${name}done` }, { task: name }),
      ),
    );
    expect(await readFile(join(bench.dir, 'a'), 'utf8')).toBe(
      `${names.map((name) => `${name}done`).join('\n')}\n`,
    );
  });
});
