/**
 * Markdown tree → Telegram MarkdownV2.
 * Source: Bot API, "MarkdownV2 style" (https://core.telegram.org/bots/api#markdownv2-style).
 */
import type { Dialect, Rendered } from '../../text/dialect.ts';
import { layout, type Markup } from '../../text/layout.ts';
import { RULE, visibleText } from '../../text/plain.ts';
import { isBareLink, type Mark } from '../../text/tree.ts';

const RESERVED = /[_*[\]()~`>#+\-=|{}.!\\]/g;

const MARKS: Readonly<Record<Mark, string>> = { bold: '*', italic: '_', strike: '~', spoiler: '||' };

/** Escapes running text: every reserved character gets a backslash. */
function escapeText(text: string): string {
  return text.replace(RESERVED, '\\$&');
}

/** Inside `pre` and `code` only the backslash and the backtick are special. */
function escapeCode(text: string): string {
  return text.replace(/[`\\]/g, '\\$&');
}

const markup: Markup = {
  text: escapeText,
  mark: (kind, inner) => MARKS[kind] + inner + MARKS[kind],
  code: (value) => `\`${escapeCode(value)}\``,
  link: (url, inner, label) =>
    isBareLink(url, label) ? inner : `[${inner}](${url.replace(/[()\\]/g, '\\$&')})`,
  fence: (lang, text) => `\`\`\`${escapeCode(lang)}\n${escapeCode(text)}\n\`\`\``,
  quote: '> ',
  rule: RULE,
};

export const telegramDialect: Dialect = {
  name: 'telegram',
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
    spoiler: 'native',
  },
  render(doc) {
    return { text: layout(doc, markup), mode: 'MarkdownV2', plain: visibleText(doc) };
  },
  numbered(rendered, index, total): Rendered {
    return {
      ...rendered,
      text: `${rendered.text} \\(${index}/${total}\\)`,
      plain: `${rendered.plain} (${index}/${total})`,
    };
  },
};
