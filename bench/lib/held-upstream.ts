/** A model whose streams wait until they are told to say a stamped word, in the Chat Completions format. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { stamp } from './stamp.ts';

export interface HeldUpstream {
  readonly url: string;
  /** One word to every open stream; waits until there is one. */
  speak(): Promise<void>;
  end(): void;
}

const withinMs = 15_000;
const head = '{"id":"held","object":"chat.completion.chunk","created":1767600000,"model":"held"';
const chunk = (delta: string, finish: string) =>
  `data: ${head},"choices":[{"index":0,"delta":${delta},"finish_reason":${finish}}]}\n\n`;

export async function startHeldUpstream(): Promise<HeldUpstream> {
  const open = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      open.add(response);
      response.on('close', () => open.delete(response));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async speak() {
      const deadline = performance.now() + withinMs;
      while (open.size === 0) {
        if (performance.now() > deadline) throw new Error('no stream was opened');
        await delay(10);
      }
      for (const response of open) response.write(chunk(`{"content":"${stamp()}"}`, 'null'));
    },
    end() {
      for (const response of open) response.end(`${chunk('{}', '"stop"')}data: [DONE]\n\n`);
    },
  };
}
