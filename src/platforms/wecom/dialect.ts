/**
 * Markdown tree → the Markdown WeCom shows. Nothing in it is ever refused; what the clients do not know they show as
 * it stands, so texts are not escaped: a backslash would be seen.
 */
import { codeSpan, fenced } from '../../text/backticks.ts';
import type { Dialect, Rendered } from '../../text/dialect.ts';
import { layout, type Markup } from '../../text/layout.ts';
import { visibleText } from '../../text/plain.ts';
import { isBareLink, type Mark } from '../../text/tree.ts';

const marks: Readonly<Record<Mark, string>> = { bold: '**', italic: '*', strike: '', spoiler: '' };

const markup: Markup = {
  text: (value) => value.toWellFormed(),
  mark: (kind, inner) => marks[kind] + inner + marks[kind],
  code: (value) => codeSpan(value.toWellFormed()),
  link: (url, inner, label) =>
    isBareLink(url, label) ? inner : `[${inner}](${url.replace(/[\s()<>]/g, escaped)})`,
  fence: (lang, text) => fenced(lang.replace(/[`\n]/g, ''), text.toWellFormed()),
  quote: '> ',
  rule: '---',
};

export const wecomDialect: Dialect = {
  name: 'wecom',
  supports: {
    bold: 'native',
    italic: 'native',
    strike: 'strip',
    code: 'native',
    fence: 'native',
    link: 'native',
    quote: 'native',
    list: 'native',
    heading: 'strip',
    table: 'strip',
    image: 'strip',
    spoiler: 'strip',
  },
  render(doc) {
    return { text: layout(doc, markup), mode: 'markdown', plain: visibleText(doc).toWellFormed() };
  },
  /** Behind a closing fence of any length the number needs a line of its own. */
  numbered(rendered, index, total): Rendered {
    const number = `(${index}/${total})`;
    const gap = rendered.text.endsWith('```') ? '\n' : ' ';
    return { ...rendered, text: `${rendered.text}${gap}${number}`, plain: `${rendered.plain} ${number}` };
  },
};

/** What would end a link, as a URL writes it. */
function escaped(char: string): string {
  return [...Buffer.from(char)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
