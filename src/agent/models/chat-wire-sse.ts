/**
 * Server-sent events out of bytes (WHATWG HTML, "Interpreting an event stream"), as far as model streams use them: the
 * name and id of an event say nothing there, only its data does. Bytes are decoded up to a line break only, so a
 * character that is split between chunks needs no state; bytes that are not UTF-8 become U+FFFD.
 */

const lf = 10;
const cr = 13;
const byteOrderMark = 0xfeff;
const none: readonly string[] = [];

export interface EventData {
  /** The data of every event that these bytes complete. The bytes are kept until their line is complete. */
  push(bytes: Uint8Array): readonly string[];
  /** The data of an event without its blank line, where a stream ends; it may be half of what was meant. */
  end(): readonly string[];
}

export function eventData(): EventData {
  /** The beginning of a line whose end has not arrived. */
  let held: Uint8Array[] = [];
  let data: string | undefined;
  let atStart = true;

  const read = (decoded: string): readonly string[] => {
    const text = decoded.includes('\r') ? decoded.replace(/\r\n?/g, '\n') : decoded;
    const out: string[] = [];
    let start = atStart && text.charCodeAt(0) === byteOrderMark ? 1 : 0;
    atStart = false;
    for (let end = text.indexOf('\n', start); end >= 0; end = text.indexOf('\n', start)) {
      if (end === start) {
        if (data) out.push(data);
        data = undefined;
      } else if (text.startsWith('data:', start)) {
        const from = start + (text.charCodeAt(start + 5) === 32 ? 6 : 5);
        const value = text.slice(from, end);
        data = data === undefined ? value : `${data}\n${value}`;
      }
      start = end + 1;
    }
    return out;
  };

  return {
    push(bytes) {
      const end = lastBreak(bytes) + 1;
      if (end === 0) {
        held.push(bytes);
        return none;
      }
      const lines = bytes.subarray(0, end);
      const text = decode(held.length === 0 ? lines : Buffer.concat([...held, lines]));
      held = end < bytes.length ? [bytes.subarray(end)] : [];
      return read(text);
    },
    end() {
      const rest = decode(Buffer.concat(held));
      held = [];
      return read(`${rest}\n\n`);
    },
  };
}

/** A CR in last place may be the first half of a CRLF: it waits for what follows. */
function lastBreak(bytes: Uint8Array): number {
  return Math.max(bytes.lastIndexOf(lf), bytes.lastIndexOf(cr, bytes.length - 2));
}

function decode(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString('utf8');
}
