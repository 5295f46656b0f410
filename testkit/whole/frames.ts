/** A stream of server-sent events as a client reads it, frame by frame, until it has enough. */
import type { Served } from './served.ts';

export interface Frame {
  readonly event: string | undefined;
  readonly data: string;
}

/** The frames of a stream, comments left out. Leaving the loop cuts the connection. */
export async function* framesOf(response: Response): AsyncGenerator<Frame, void, undefined> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of response.body) {
    rest += decoder.decode(bytes, { stream: true });
    const whole = rest.split('\n\n');
    rest = whole.pop() ?? '';
    for (const frame of whole) {
      const data = /^data: (.*)$/m.exec(frame)?.[1];
      if (data !== undefined) yield { event: /^event: (.*)$/m.exec(frame)?.[1], data };
    }
  }
}

/**
 * Asks for a stream and cuts the connection after `count` frames, or at the first one that `isLast` takes.
 * Resolves with what was read; the connection is gone then.
 */
export async function cutAfter(
  served: Served,
  request: { readonly path: string; readonly body: object },
  count: number,
  isLast: (frame: Frame) => boolean,
): Promise<Frame[]> {
  const abort = new AbortController();
  const response = await served.post(
    request.path,
    { ...request.body, stream: true },
    { signal: abort.signal },
  );
  const frames: Frame[] = [];
  if (count > 0) {
    for await (const frame of framesOf(response)) {
      frames.push(frame);
      if (frames.length === count || isLast(frame)) break;
    }
  }
  abort.abort();
  return frames;
}
