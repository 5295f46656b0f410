/** Server-sent events from a response body (the `text/event-stream` format of the HTML standard). */

/** Longer lines are no answer of a gateway. */
const longestLine = 8_000_000;

/**
 * Cuts a stream of text into events; comments and unknown fields are dropped.
 * @returns {(text: string) => { event: string, data: string }[]} Feed it pieces of any size.
 */
export function eventCutter() {
  let rest = '';
  let event = '';
  /** @type {string[]} */
  let data = [];
  return (text) => {
    /** @type {{ event: string, data: string }[]} */
    const events = [];
    rest += text;
    // A carriage return at the end may be half of a line end.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) throw new Error('A line of the stream is too long.');
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) events.push({ event: event === '' ? 'message' : event, data: data.join('\n') });
        event = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'data') data.push(value);
      else if (field === 'event') event = value;
    }
    return events;
  };
}

/**
 * @param {ReadableStream<Uint8Array>} body
 * @param {number} silenceMs Without a byte for so long the connection counts as broken: the gateway sends comments.
 * @returns {AsyncGenerator<{ event: string, data: string }, void>} Throws when the connection breaks.
 */
export async function* readEvents(body, silenceMs) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const cut = eventCutter();
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read(), silenceMs);
      if (done) return;
      yield* cut(decoder.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @returns {Promise<T>}
 */
async function inTime(promise, ms) {
  /** @type {number | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('The connection has been silent for too long.')), ms);
  });
  try {
    return await Promise.race([promise, /** @type {Promise<never>} */ (late)]);
  } finally {
    clearTimeout(timer);
  }
}
