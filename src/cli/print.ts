/** Plain words on a terminal; colour only where somebody looks at it (https://no-color.org). */
import type { Host, Output } from './host.ts';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
  cyan(text: string): string;
}

export function styleFor(host: Host, output: Output): Style {
  const colour =
    output.isTTY === true && !host.env['NO_COLOR'] && host.env['TERM'] !== 'dumb'
      ? paint
      : (text: string) => text;
  return {
    bold: (text) => colour(text, '1', '22'),
    dim: (text) => colour(text, '2', '22'),
    green: (text) => colour(text, '32', '39'),
    yellow: (text) => colour(text, '33', '39'),
    red: (text) => colour(text, '31', '39'),
    cyan: (text) => colour(text, '36', '39'),
  };
}

function paint(text: string, on: string, off: string): string {
  return `\u001b[${on}m${text}\u001b[${off}m`;
}

export function line(output: Output, text = ''): void {
  output.write(`${text}\n`);
}

/** Text from a model or a chat may hold escape sequences that would drive the reader's terminal. */
export function harmless(text: string): string {
  return text.replace(/\u001b\[[0-?]*[ -/]*[@-~]|\u001b[@-_]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
