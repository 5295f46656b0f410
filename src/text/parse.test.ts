import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostile, markdown } from './arbitrary.ts';
import type { Block, Inline } from './dialect.ts';
import { parse } from './parse.ts';
import { visibleText } from './plain.ts';
import { isMark } from './tree.ts';

const inlines = (source: string): readonly Inline[] => {
  const [block] = parse(source).blocks;
  return block?.kind === 'paragraph' ? block.children : [];
};
const text = (value: string): Inline => ({ kind: 'text', text: value });

function* walk(
  nodes: readonly Inline[],
  inside: readonly string[] = [],
): Generator<[Inline, readonly string[]]> {
  for (const node of nodes) {
    yield [node, inside];
    if ('children' in node) yield* walk(node.children, [...inside, node.kind]);
  }
}
function* leaves(blocks: readonly Block[]): Generator<readonly Inline[]> {
  for (const block of blocks) {
    if (block.kind === 'paragraph' || block.kind === 'heading') yield block.children;
    else if (block.kind === 'quote') yield* leaves(block.children);
    else if (block.kind === 'list') for (const item of block.items) yield* leaves(item);
    else if (block.kind === 'table') yield* [block.header, ...block.rows].flat();
  }
}
const depth = (blocks: readonly Block[]): number =>
  Math.max(
    0,
    ...blocks.map((block) =>
      block.kind === 'quote'
        ? 1 + depth(block.children)
        : block.kind === 'list'
          ? 1 + Math.max(0, ...block.items.map(depth))
          : 1,
    ),
  );

describe('parse', () => {
  test('any string gives a tree in normal form', () =>
    fc.assert(
      fc.property(markdown, (source) => {
        for (const nodes of leaves(parse(source).blocks)) {
          for (const [node, inside] of walk(nodes)) {
            if (isMark(node) || node.kind === 'link') expect(inside).not.toContain(node.kind);
            if (node.kind === 'text') expect(node.text).not.toMatch(/^$|\n/);
          }
        }
      }),
      { numRuns: 800 },
    ));

  test('64 KiB of markers neither overflows nor nests without end', () => {
    for (const source of hostile) expect(depth(parse(source).blocks)).toBeLessThanOrEqual(40);
  });

  test('nothing but markup is dropped from deeply nested input', () => {
    expect(visibleText(parse(`${'> '.repeat(5000)}end`))).toContain('end');
    expect(visibleText(parse(`${'*_'.repeat(5000)}end${'_*'.repeat(5000)}`))).toContain('end');
    expect(visibleText(parse(`${'['.repeat(5000)}end${'](a)'.repeat(5000)}`))).toContain('end');
  });

  test('underscores inside words and spaced asterisks are literal', () => {
    expect(inlines('score_d and my_var_name')).toEqual([text('score_d and my_var_name')]);
    expect(inlines('2 * 3 * 4')).toEqual([text('2 * 3 * 4')]);
  });

  test('bold and italic together are bold around italic', () => {
    expect(inlines('***x***')).toEqual([
      { kind: 'bold', children: [{ kind: 'italic', children: [text('x')] }] },
    ]);
  });

  test('double bars hide what they hug and nothing else', () => {
    expect(inlines('||a *b*||')).toEqual([
      { kind: 'spoiler', children: [text('a '), { kind: 'italic', children: [text('b')] }] },
    ]);
    for (const source of ['a || b || c', '||', '||a', '`||a||`', '\\|\\|a\\|\\|']) {
      expect(inlines(source).map((node) => node.kind)).not.toContain('spoiler');
    }
  });

  test('a single tilde is not a strike', () => {
    expect(inlines('~5 or ~6~ but ~~no~~')).toEqual([
      text('~5 or ~6~ but '),
      { kind: 'strike', children: [text('no')] },
    ]);
  });

  test('HTML, entities and reference definitions stay literal', () => {
    for (const source of [
      '<script>x</script>ok',
      '<b>x</b>',
      'pre&amp;escaped',
      'see [a][b]',
      '<!-- c -->',
    ]) {
      expect(visibleText(parse(source))).toBe(source);
    }
    expect(visibleText(parse('[1]: https://e.com'))).toBe('[1]: https://e.com');
  });

  test('a link that would run code is only its label', () => {
    for (const url of ['javascript:alert(1)', 'JaVaScRiPt:x', 'data:text/html,x', 'vbscript:x']) {
      expect(JSON.stringify(parse(`[x](${url}) ![y](${url})`))).not.toMatch(/"url"/);
    }
  });

  test('bare addresses are links to themselves', () => {
    expect(inlines('see https://e.com/a_b_c')).toEqual([
      text('see '),
      { kind: 'link', url: 'https://e.com/a_b_c', children: [text('https://e.com/a_b_c')] },
    ]);
    expect(inlines('me@e.com')).toEqual([
      { kind: 'link', url: 'mailto:me@e.com', children: [text('me@e.com')] },
    ]);
  });

  test('newlines and hard breaks are breaks', () => {
    expect(inlines('a\nb  \nc\\\nd').map((node) => node.kind)).toEqual([
      ...['text', 'break', 'text', 'break', 'text', 'break', 'text'],
    ]);
  });

  test('lists keep bullet, start, nesting and task boxes', () => {
    expect(parse('* a\n* b').blocks).toMatchObject([{ kind: 'list', bullet: '*', ordered: false }]);
    expect(parse('3. a\n4. b').blocks).toMatchObject([{ kind: 'list', start: 3, ordered: true }]);
    expect(visibleText(parse('- [x] a\n- [ ] b\n  1. c'))).toBe('- ☑ a\n- ☐ b\n  1. c');
  });

  test('only a plausible language is kept from the info string', () => {
    expect(parse('```c++ title=x\na\n```').blocks).toEqual([{ kind: 'fence', lang: 'c++', text: 'a' }]);
    expect(parse('```<b>\na\n```').blocks).toEqual([{ kind: 'fence', lang: '', text: 'a' }]);
  });

  test('half surrogates and NUL become the replacement character', () => {
    expect(visibleText(parse('a\ud800b\0c'))).toBe('a\ufffdb\ufffdc');
  });
});
