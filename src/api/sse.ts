import type { FastifyReply } from 'fastify';
import type { Clock } from '../core/clock.ts';

const keepAliveFrame = ': keepalive\n\n';
/** How long a finished stream may take to reach its reader. */
const flushMs = 30_000;

export interface SseLimits {
  /** Silence after which a comment is sent. */
  readonly keepAliveMs: number;
  /** Bytes a reader may leave unread before it is cut off, not counting the newest and the largest write. */
  readonly maxBufferedBytes: number;
}

export interface SseStream {
  /** Writes whole frames in one write; ignored once the reader is gone. */
  write(frames: string): void;
  end(): void;
}

/**
 * Turns a reply into an event stream. `onGone` is called once when the reader leaves or is cut off before `end`.
 * The head is written here, with every header the hooks have set on the reply.
 */
export function openSse(
  reply: FastifyReply,
  options: {
    readonly headers: Readonly<Record<string, string>>;
    readonly clock: Clock;
    readonly limits: SseLimits;
    readonly onGone: (why: 'disconnected' | 'too slow') => void;
  },
): SseStream {
  const { clock, limits } = options;
  const response = reply.raw;
  reply.hijack();
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    ...options.headers,
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    'X-Accel-Buffering': 'no',
  });

  let state: 'open' | 'ended' | 'gone' = 'open';
  let lastWrite = clock.monotonic();
  let largest = 0;
  /** Unread bytes when the timer last looked. */
  let unreadBefore = 0;
  let cancelTimer = clock.after(limits.keepAliveMs, keepAlive);

  function gone(why: 'disconnected' | 'too slow'): void {
    cancelTimer();
    if (state !== 'open') return;
    state = 'gone';
    options.onGone(why);
  }
  /** A reader that takes nothing of what is too much has no claim to more time. */
  function isStuck(): boolean {
    const unread = response.writableLength;
    const isStill = unreadBefore > 0 && unread >= unreadBefore;
    unreadBefore = unread;
    return isStill && unread > limits.maxBufferedBytes;
  }
  function keepAlive(): void {
    if (isStuck()) {
      gone('too slow');
      response.destroy();
      return;
    }
    const silent = clock.monotonic() - lastWrite;
    if (silent >= limits.keepAliveMs) write(keepAliveFrame);
    if (state !== 'open') return;
    cancelTimer = clock.after(Math.max(1, limits.keepAliveMs - (clock.monotonic() - lastWrite)), keepAlive);
  }
  function write(frames: string): void {
    if (state !== 'open') return;
    lastWrite = clock.monotonic();
    // One write may be larger than the limit (a replayed stream, a snapshot of a long response), and others follow it
    // before any reader can have read it.
    const unread = response.writableLength;
    response.write(frames);
    if (unread <= limits.maxBufferedBytes + largest) {
      largest = Math.max(largest, response.writableLength - unread);
      return;
    }
    gone('too slow');
    response.destroy();
  }

  // A reset is the same as a close, which always follows.
  response.on('error', () => {});
  response.once('close', () => gone('disconnected'));
  if (response.destroyed) gone('disconnected');

  return {
    write,
    end() {
      if (state !== 'open') return;
      state = 'ended';
      cancelTimer();
      response.end();
      if (!response.writableFinished) cancelTimer = clock.after(flushMs, () => response.destroy());
    },
  };
}
