import { marked } from 'marked';
import { describe, expect, it } from 'vitest';
import { compose } from '../../text/compose.ts';
import { githubDialect } from './dialect.ts';
import { manifest } from './manifest.ts';

const written = (markdown: string) =>
  compose(markdown, githubDialect, manifest.capabilities.text)
    .map(({ text }) => text)
    .join('\n');
/** What a reader of GitHub's Markdown sees. */
const html = (markdown: string) => marked.parse(written(markdown), { async: false, gfm: true }).trim();

describe('a comment', () => {
  it('shows what was written in Markdown', () => {
    expect(html('**b** _i_ ~~s~~ `c` [l](https://a.b/c_d)')).toBe(
      '<p><strong>b</strong> <em>i</em> <del>s</del> <code>c</code> <a href="https://a.b/c_d">l</a></p>',
    );
    expect(html('1. one\n2. two')).toContain('<ol>\n<li>one</li>\n<li>two</li>');
    expect(html('* one\n* two')).toContain('<ul>\n<li>one</li>');
    expect(html('> said')).toContain('<blockquote>\n<p>said</p>');
    expect(html('https://a.example/x_y_z')).toContain('href="https://a.example/x_y_z"');
  });

  it('shows signs of markup that were none as what they are', () => {
    for (const text of ['a_b_c', '2 * 3 * 4', '<b>x</b>', '[no](link', 'a | b', '~x~', '\\*'])
      expect(html(`\`x\` ${text.replace(/[\\`*_[\]<~|]/g, '\\$&')}`)).toBe(
        `<p><code>x</code> ${text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')}</p>`,
      );
    expect(html('\\# no heading')).toBe('<p># no heading</p>');
  });

  it('keeps fences closed, whatever they hold', () => {
    const code = 'a\n```\n**b**\n````';
    expect(html(`~~~~~\n${code}\n~~~~~`)).toBe(`<pre><code>${code}\n</code></pre>`);
    expect(html('`` a`b ``')).toBe('<p><code>a`b</code></p>');
  });

  it('over the limit becomes several that say which they are', () => {
    const pieces = compose(
      `\`\`\`\n${'line\n'.repeat(20_000)}\`\`\``,
      githubDialect,
      manifest.capabilities.text,
    );
    expect(pieces.length).toBe(2);
    for (const { text } of pieces) {
      expect([...text].length).toBeLessThanOrEqual(65_536);
      expect(text).toMatch(/\n```\n\(\d\/2\)$/);
    }
  });
});
