/** Reading bodies of strangers: at most so many bytes, refused as early as can be known. */
import type { IncomingMessage } from 'node:http';

export class BodyTooLarge extends Error {
  readonly code = 'BODY_TOO_LARGE';
  readonly status = 413;
  readonly fix = 'Send less, or in several requests.';
  constructor(limit: number) {
    super(`The body is larger than ${limit} bytes.`);
    this.name = 'BodyTooLarge';
  }
}

/**
 * All bytes of a request or response, at most `limit`. Throws `BodyTooLarge` before reading when the declared
 * length is over the limit, otherwise at the first byte over it; the rest is not read. After that, a server has
 * to answer with `connection: close`. Throws the abort reason after an abort and the stream's error when the
 * body ends before its declared length.
 */
export async function readBody(
  source: IncomingMessage | Request | Response,
  limit: number,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (declaredLength(source) > limit) {
    if (!isNode(source)) await source.body?.cancel();
    throw new BodyTooLarge(limit);
  }
  if (isNode(source)) return readStream(source, limit, signal);
  return source.body === null ? new Uint8Array() : readWeb(source.body, limit, signal);
}

/** Passes at most `limit` bytes, then fails with `BodyTooLarge`. */
export function limitBytes(limit: number): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.byteLength;
      if (size > limit) controller.error(new BodyTooLarge(limit));
      else controller.enqueue(chunk);
    },
  });
}

/** Of an encoded (compressed) body the declared length says nothing about what comes out. */
export function declaredLength(source: IncomingMessage | Request | Response): number {
  const header = isNode(source) ? source.headers['content-length'] : source.headers.get('content-length');
  const length = Number(header ?? 0);
  return Number.isFinite(length) ? length : 0;
}

function isNode(source: IncomingMessage | Request | Response): source is IncomingMessage {
  return 'httpVersion' in source;
}

async function readStream(
  stream: IncomingMessage,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const { addAbortSignal } = await import('node:stream');
  signal?.throwIfAborted();
  if (signal !== undefined) addAbortSignal(signal, stream);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // Left alive on overflow, so that the refusal can still be answered on this connection.
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      size += chunk.byteLength;
      if (size > limit) throw new BodyTooLarge(limit);
      chunks.push(chunk);
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error;
  }
  return Buffer.concat(chunks, size);
}

async function readWeb(
  body: ReadableStream<Uint8Array>,
  limit: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = body.getReader();
  const stop = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return Buffer.concat(chunks, size);
      size += value.byteLength;
      if (size > limit) throw new BodyTooLarge(limit);
      chunks.push(value);
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {});
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
