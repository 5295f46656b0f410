/** A model that answers each request at once with the same stream, in the Chat Completions format. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startUpstream } from '../../testkit/upstream/index.ts';

/**
 * The bytes are those of the strict fake. Its connections are not: they announce one second of life, which clients
 * that keep a margin of a second or two take for none, and then a new connection per call would be measured.
 */
export async function startInstantUpstream(text: string): Promise<{ readonly url: string }> {
  const fake = await startUpstream({ instant: { text } });
  const answer = await fetch(`${fake.url}/v1/chat/completions`, { method: 'POST', body: '{}' });
  const bytes = Buffer.from(await answer.arrayBuffer());
  await fake.close();
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(bytes);
    });
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
