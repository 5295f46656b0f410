/** Markdown tree → GitHub Flavored Markdown (https://github.github.com/gfm/). The log gets the plain text. */
import type { Dialect, Rendered } from '../../text/dialect.ts';
import { layout, type Markup } from '../../text/layout.ts';
import { visibleText } from '../../text/plain.ts';
import { isBareLink, type Mark } from '../../text/tree.ts';

const marks: Readonly<Record<Mark, string>> = { bold: '**', italic: '_', strike: '~~', spoiler: '' };
/** The layout writes list markers like text. */
const listMarker = /^(?:[-+*•]|\d{1,9}[.)]) $/;

/** As many backticks as it takes that none of the text can end it. */
function ticks(text: string, least: number): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return '`'.repeat(Math.max(least, longest + 1));
}

const markup: Markup = {
  text: (value) =>
    listMarker.test(value)
      ? value
      : value.replace(/[\\`*_[\]<~|]/g, '\\$&').replace(/^(\s{0,3})(#{1,6}(?=\s|$)|>)/, '$1\\$2'),
  mark: (kind, inner) => marks[kind] + inner + marks[kind],
  code: (value) => {
    const fence = ticks(value, 1);
    const pad = /^`|`$/.test(value) ? ' ' : '';
    return `${fence}${pad}${value}${pad}${fence}`;
  },
  link: (url, inner, label) => {
    const target = url.replace(/[<>\\\s]/g, encodeURIComponent);
    return isBareLink(url, label) ? `<${target}>` : `[${inner}](<${target}>)`;
  },
  fence: (lang, text) => {
    const fence = ticks(text, 3);
    return `${fence}${lang.replace(/[`\s]/g, '')}\n${text}\n${fence}`;
  },
  quote: '> ',
  rule: '---',
};

export const githubDialect: Dialect = {
  name: 'github',
  supports: {
    bold: 'native',
    italic: 'native',
    strike: 'native',
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
    return { text: layout(doc, markup), mode: 'GFM', plain: visibleText(doc) };
  },
  /** On a line of its own: behind a closing fence it would keep the fence open. */
  numbered(rendered, index, total): Rendered {
    const number = `(${index}/${total})`;
    return { ...rendered, text: `${rendered.text}\n${number}`, plain: `${rendered.plain} ${number}` };
  },
};
