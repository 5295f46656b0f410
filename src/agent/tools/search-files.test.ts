import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBench } from './testing.ts';

async function tree() {
  const bench = await openBench();
  for (const folder of ['src/deep', 'node_modules/x', '.git'])
    await mkdir(join(bench.dir, folder), { recursive: true });
  await writeFile(join(bench.dir, 'src/a.ts'), 'alpha\nbeta\nneedle one\ngamma\n');
  await writeFile(join(bench.dir, 'src/deep/b.ts'), 'needle two\nneedle three\n');
  await writeFile(join(bench.dir, 'src/c.md'), 'Needle\n');
  await writeFile(join(bench.dir, 'node_modules/x/d.ts'), 'needle\n');
  await writeFile(join(bench.dir, '.git/e.ts'), 'needle\n');
  await writeFile(join(bench.dir, 'bin.ts'), Buffer.from('needle\0'));
  return bench;
}

describe('search_files', () => {
  it('finds lines with their place, leaving out dependencies, hidden folders and binary files', async () => {
    await using bench = await tree();
    expect(await bench.call('search_files', { pattern: 'needle' })).toEqual({
      total_count: 3,
      matches: [
        { path: join(bench.dir, 'src/a.ts'), line: 3, content: 'needle one' },
        { path: join(bench.dir, 'src/deep/b.ts'), line: 1, content: 'needle two' },
        { path: join(bench.dir, 'src/deep/b.ts'), line: 2, content: 'needle three' },
      ],
    });
    expect(await bench.call('search_files', { pattern: '(?i)needle', file_glob: '*.md' })).toMatchObject({
      total_count: 1,
    });
  });

  it('gives neighbours, files or counts', async () => {
    await using bench = await tree();
    const a = join(bench.dir, 'src/a.ts');
    const { matches, total_count } = await bench.call('search_files', {
      pattern: 'needle',
      path: a,
      context: 1,
    });
    expect(total_count).toBe(1);
    expect((matches as { line: number }[]).map(({ line }) => line)).toEqual([2, 3, 4]);
    expect(await bench.call('search_files', { pattern: 'needle', output_mode: 'files_only' })).toEqual({
      total_count: 2,
      files: [a, join(bench.dir, 'src/deep/b.ts')],
    });
    expect(await bench.call('search_files', { pattern: 'needle', output_mode: 'count' })).toEqual({
      total_count: 3,
      counts: { [a]: 1, [join(bench.dir, 'src/deep/b.ts')]: 2 },
    });
  });

  it('pages through results and says how to see more', async () => {
    await using bench = await tree();
    const first = await bench.raw('search_files', { pattern: 'needle', limit: 2 });
    expect(first).toMatch(/\n\n\[Hint: Results truncated\. Use offset=2 to see more, /);
    expect(JSON.parse(first.split('\n\n')[0]!)).toMatchObject({
      truncated: true,
      matches: [{ line: 3 }, { line: 1 }],
    });
    expect(await bench.call('search_files', { pattern: 'needle', limit: 2, offset: 2 })).toEqual({
      total_count: 3,
      matches: [{ path: join(bench.dir, 'src/deep/b.ts'), line: 2, content: 'needle three' }],
    });
  });

  it('lists files newest first', async () => {
    await using bench = await tree();
    await utimes(join(bench.dir, 'src/a.ts'), 1, 1);
    await utimes(join(bench.dir, 'src/deep/b.ts'), 2, 2);
    const { files } = await bench.call('search_files', { pattern: '*.ts', target: 'files', path: 'src' });
    expect(files).toEqual([join(bench.dir, 'src/deep/b.ts'), join(bench.dir, 'src/a.ts')]);
  });

  it('shows nothing of secret files and does not follow links', async () => {
    await using bench = await tree();
    await writeFile(join(bench.dir, '.env'), 'needle=1\n');
    await writeFile(join(bench.home, 'auth.json'), 'needle\n');
    await symlink(bench.home, join(bench.dir, 'src/link'));
    await symlink(join(bench.home, 'auth.json'), join(bench.dir, 'src/auth.txt'));
    expect(await bench.call('search_files', { pattern: 'needle' })).toMatchObject({ total_count: 3 });
    expect(await bench.call('search_files', { pattern: 'needle', path: bench.home })).toMatchObject({
      total_count: 0,
    });
    expect(await bench.call('search_files', { pattern: 'needle', path: '.env' })).toMatchObject({
      error: expect.stringContaining('Access denied'),
    });
    expect(await bench.call('search_files', { pattern: 'needle', path: 'src/auth.txt' })).toHaveProperty(
      'error',
    );
  });

  it('a pattern that explodes is ended without holding up anything else', async () => {
    await using bench = await tree();
    await writeFile(join(bench.dir, 'bad.txt'), `${'a'.repeat(40)}!\n`);
    const stop = new AbortController();
    const search = bench.call(
      'search_files',
      { pattern: '^(a+)+$', path: 'bad.txt' },
      { signal: stop.signal },
    );
    // The event loop goes on while the search burns in its thread.
    for (let turn = 0; turn < 5; turn += 1) await new Promise((next) => setTimeout(next, 20));
    stop.abort();
    expect(await search).toMatchObject({ error: expect.stringContaining('interrupted') });
  });

  it('explains a wrong pattern and a missing path', async () => {
    await using bench = await tree();
    expect(await bench.call('search_files', { pattern: '(' })).toMatchObject({
      total_count: 0,
      error: expect.stringContaining('regular expression'),
    });
    expect(await bench.call('search_files', { pattern: 'x', path: 'srk' })).toMatchObject({
      error: 'Path not found: srk',
      similar_files: [join(bench.dir, 'src')],
    });
  });

  it('warns at the third and refuses the fourth equal search, until another tool ran', async () => {
    await using bench = await tree();
    const search = () => bench.call('search_files', { pattern: 'needle' });
    await search();
    expect(await search()).not.toHaveProperty('_warning');
    expect(await search()).toHaveProperty('_warning');
    expect(await search()).toMatchObject({ error: expect.stringMatching(/^BLOCKED/) });
    await bench.call('todo', {});
    expect(await search()).toMatchObject({ total_count: 3 });
  });
});
