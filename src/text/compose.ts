/** Markdown → the native messages of one platform, ready to send: parse, lower, split, render, number. */
import type { Dialect, Rendered } from './dialect.ts';
import { lower } from './lower.ts';
import type { Unit } from './measure.ts';
import { parse } from './parse.ts';
import { split } from './split.ts';

export interface TextLimit {
  readonly max: number;
  readonly unit: Unit;
  readonly counts: 'source' | 'visible';
}

/** Blank input gives no message; a single message has no number. Every message is within the limit. */
export function compose(markdown: string, dialect: Dialect, limit: TextLimit): Rendered[] {
  if (markdown.trim() === '') return [];
  const doc = lower(parse(markdown), dialect.supports);
  const pieces = split(doc, { ...limit, render: (piece) => dialect.render(piece) });
  if (pieces.length <= 1) return pieces.map((piece) => piece.rendered);
  return pieces.map(({ rendered }, at) => {
    const [index, total] = [at + 1, pieces.length];
    return dialect.numbered?.(rendered, index, total) ?? number(rendered, index, total);
  });
}

function number(rendered: Rendered, index: number, total: number): Rendered {
  return {
    ...rendered,
    text: suffixed(rendered.text, index, total),
    plain: suffixed(rendered.plain, index, total),
  };
}

/** Behind a closing fence the number needs a line of its own, or it would keep the fence open. */
function suffixed(text: string, index: number, total: number): string {
  return `${text}${/(?:^|\n)```$/.test(text) ? '\n' : ' '}(${index}/${total})`;
}
