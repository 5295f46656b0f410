/** What a reader sees of a tree, without any markup, and the dialect of networks that have none. */
import type { Dialect, Doc } from './dialect.ts';
import { layout, type Markup } from './layout.ts';

/** Drawn for a thematic break. */
export const RULE = '———';

const bare: Markup = {
  text: (value) => value,
  mark: (_kind, inner) => inner,
  code: (value) => value,
  link: (_url, inner) => inner,
  fence: (_lang, text) => text,
  quote: '',
  rule: RULE,
};

/** Visible text only: link targets, quote signs and languages of fences are not part of it. */
export function visibleText(doc: Doc): string {
  return layout(doc, bare);
}

/**
 * For SMS, IRC and every other network of bare text. Lowering keeps what markup would have carried: targets
 * follow their label in brackets, quoted lines start with `> `.
 */
export const plainDialect: Dialect = {
  name: 'plain',
  supports: {
    bold: 'strip',
    italic: 'strip',
    strike: 'strip',
    code: 'strip',
    fence: 'approximate',
    link: 'strip',
    quote: 'strip',
    list: 'native',
    heading: 'strip',
    table: 'strip',
    image: 'strip',
    spoiler: 'strip',
  },
  render(doc) {
    const text = visibleText(doc);
    return { text, plain: text };
  },
};
