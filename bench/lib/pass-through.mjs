/** The physical limit for Node: forwards every request to the address in the first argument, unread. */
import { Agent, createServer, request } from 'node:http';

const upstream = new URL(process.argv[2] ?? '');
const agent = new Agent({ keepAlive: true });

const server = createServer((incoming, outgoing) => {
  if (incoming.url === '/health') {
    outgoing.end('{"status":"ok"}');
    return;
  }
  const { hostname: host, port } = upstream;
  const { method, url: path, headers } = incoming;
  const forwarded = request({ agent, host, port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  forwarded.on('error', () => outgoing.destroy());
  outgoing.on('close', () => forwarded.destroy());
  incoming.pipe(forwarded);
});
server.listen(Number(process.argv[3]), '127.0.0.1', () => {
  console.log(`listening on ${server.address().port}`);
});
