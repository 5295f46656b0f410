/** The physical limit for Node: what comes from the address in the first argument goes to every client, unread. */
import { createServer, request } from 'node:http';

const readers = new Set();
const upstream = request(process.argv[2] ?? '', { method: 'POST' }, (answer) => {
  answer.on('data', (bytes) => {
    for (const reader of readers) reader.write(bytes);
  });
});
upstream.end('{}');

const server = createServer((incoming, outgoing) => {
  if (incoming.url === '/health') {
    outgoing.end('{"status":"ok"}');
    return;
  }
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
  outgoing.flushHeaders();
  readers.add(outgoing);
  outgoing.on('close', () => readers.delete(outgoing));
});
server.listen(Number(process.argv[3]), '127.0.0.1');
