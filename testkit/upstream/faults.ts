import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault, Wire } from './types.ts';

const sse = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

/** Plays the frames of one answer, with the fault if there is one. Resolves when nothing more will be sent. */
export async function play(
  response: ServerResponse,
  wire: Wire,
  frames: readonly string[],
  fault: Fault | undefined,
  closed: AbortSignal,
): Promise<void> {
  switch (fault?.kind) {
    case undefined:
      response.writeHead(200, sse);
      for (const frame of frames) {
        if (!response.write(frame)) await drained(response, closed);
      }
      response.end();
      return;
    case 'status':
      if (fault.html !== undefined) {
        response.writeHead(fault.status, { 'content-type': 'text/html', ...fault.headers }).end(fault.html);
        return;
      }
      response
        .writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
        .end(JSON.stringify(wire.error(fault.status, fault.message ?? `status ${fault.status}`, fault.code)));
      return;
    case 'hang-before-headers':
      return;
    case 'hang-mid-stream':
      response.writeHead(200, sse).write(frames.slice(0, fault.after ?? 2).join(''));
      return;
    case 'cut-mid-frame': {
      const whole = fault.after ?? 2;
      const next = frames[whole] ?? '';
      response.writeHead(200, sse);
      // The reset must not overtake the bytes, so it waits until they left this process.
      await new Promise((done) =>
        response.write(frames.slice(0, whole).join('') + next.slice(0, next.length / 2), done),
      );
      await delay(5);
      response.socket?.resetAndDestroy();
      return;
    }
    case 'end-early':
      response.writeHead(200, sse).end(frames.slice(0, fault.after ?? 2).join(''));
      return;
    case 'invalid-json':
      response.writeHead(200, sse).write(frames.slice(0, fault.after ?? 2).join(''));
      response.end('data: {"choices": [}\n\n');
      return;
    case 'invalid-utf8': {
      const at = fault.after ?? 2;
      response.writeHead(200, sse).write(frames.slice(0, at).join(''));
      // The letters of the next frame's text are replaced by bytes that are not UTF-8.
      response.write(Buffer.from((frames[at] ?? '').replace(/[aeiou](?=[^"]*"[^"]*$)/g, '\u00ff'), 'latin1'));
      response.end(frames.slice(at + 1).join(''));
      return;
    }
    case 'empty-200':
      response.writeHead(200, sse).end();
      return;
    case 'duplicate-done':
      response.writeHead(200, sse).end(`${frames.join('')}data: [DONE]\n\ndata: [DONE]\n\n`);
      return;
    case 'slow':
      response.writeHead(200, sse);
      for (const frame of frames) {
        if (closed.aborted) return;
        response.write(frame);
        await delay(fault.msPerFrame, undefined, { signal: closed }).catch(() => undefined);
      }
      response.end();
      return;
    case 'wrong-content-type':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>Welcome</title></html>');
      return;
    case 'redirect':
      response.writeHead(307, { location: fault.to }).end();
      return;
    case 'error-in-stream':
      response.writeHead(200, sse).write(frames.slice(0, fault.after ?? 2).join(''));
      response.end(wire.errorFrame(fault.status, fault.message));
      return;
    case 'flood': {
      response.writeHead(200, sse).write(frames.slice(0, 1).join(''));
      const frame = Buffer.from(frames[1] ?? 'data: {}\n\n');
      for (let sent = 0; sent < fault.bytes && !closed.aborted; sent += frame.length) {
        if (!response.write(frame)) await drained(response, closed);
      }
      response.end();
      return;
    }
    default:
      fault satisfies never;
  }
}

function drained(response: ServerResponse, closed: AbortSignal): Promise<void> {
  if (closed.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go);
      closed.removeEventListener('abort', go);
      resolve();
    };
    response.once('drain', go);
    closed.addEventListener('abort', go, { once: true });
  });
}
