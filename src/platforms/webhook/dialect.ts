/** Markdown tree → GitHub Flavored Markdown (https://github.github.com/gfm/). The log gets the plain text. */
import { codeSpan, fenced } from '../../text/backticks.ts';
import type { Dialect, Rendered } from '../../text/dialect.ts';
import { layout, type Markup } from '../../text/layout.ts';
import { visibleText } from '../../text/plain.ts';
import { isBareLink, type Mark } from '../../text/tree.ts';

const marks: Readonly<Record<Mark, string>> = { bold: '**', italic: '_', strike: '~~', spoiler: '' };
/** The layout writes list markers like text. */
const listMarker = /^(?:[-+*•]|\d{1,9}[.)]) $/;

const markup: Markup = {
  text: (value) =>
    listMarker.test(value)
      ? value
      : value.replace(/[\\`*_[\]<~|]/g, '\\$&').replace(/^(\s{0,3})(#{1,6}(?=\s|$)|>)/, '$1\\$2'),
  mark: (kind, inner) => marks[kind] + inner + marks[kind],
  code: codeSpan,
  link: (url, inner, label) => {
    const target = url.replace(/[<>\\\s]/g, encodeURIComponent);
    return isBareLink(url, label) ? `<${target}>` : `[${inner}](<${target}>)`;
  },
  fence: (lang, text) => fenced(lang.replace(/[`\s]/g, ''), text),
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
