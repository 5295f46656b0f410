/** A model that streams stamped frames at an even pace, in the Chat Completions format. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stamp } from './stamp.ts';

export interface Pace {
  readonly frames: number;
  readonly gapMs: number;
}

export async function startPacedUpstream({ frames, gapMs }: Pace): Promise<{ readonly url: string }> {
  const head = '{"id":"paced","object":"chat.completion.chunk","created":1767600000,"model":"paced"';
  const chunk = (delta: string, finish: string) =>
    `data: ${head},"choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]}\n\n`;
  const usage = `data: ${head},"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":${frames},"total_tokens":${frames + 10}}}\n\n`;
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const started = performance.now();
      const send = (number: number) => {
        if (response.destroyed) return;
        response.write(chunk(`{"content":"${stamp()}"}`, 'null'));
        if (number < frames) {
          setTimeout(send, Math.max(0, started + number * gapMs - performance.now()), number + 1);
          return;
        }
        response.end(`${chunk('{}', '"stop"')}${usage}data: [DONE]\n\n`);
      };
      send(1);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
