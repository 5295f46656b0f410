import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { checkUrl } from './egress.ts';
import { type GuardedOptions, guardedFetch } from './guarded-fetch.ts';
import type { Resolve } from './resolve.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Private addresses allowed: the servers of these tests are on loopback. */
function open(options: GuardedOptions = {}) {
  const client = guardedFetch({
    policy: { allowPrivate: true },
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    ...options,
  });
  ends.push(client.close);
  return client;
}

const refusal = { code: 'URL_REFUSED' };

it('connects to the address that was checked, under the name of the URL', async () => {
  const port = await serve((request, response) => response.end(request.headers.host));
  const response = await open().fetch(`http://some.example:${port}/`);
  expect(await response.text()).toBe(`some.example:${port}`);
});

it('a name server that changes its answer after the check reaches nothing', async () => {
  let calls = 0;
  const port = await serve((_request, response) => {
    calls++;
    response.end();
  });
  const answers = ['93.184.216.34', '127.0.0.1'];
  const resolve: Resolve = async () => [{ address: answers.shift()!, family: 4 }];
  const url = `http://rebind.example:${port}/`;
  await expect(checkUrl(url, {}, resolve)).resolves.toBeDefined();
  await expect(open({ policy: {}, resolve }).fetch(url)).rejects.toMatchObject(refusal);
  expect([answers, calls]).toEqual([[], 0]);
});

it('asks the name server once for a connection and goes where the checked answer says', async () => {
  let asked = 0;
  const port = await serve((request, response) => response.end(request.socket.localAddress));
  const resolve: Resolve = async () => [{ address: `127.0.0.${++asked}`, family: 4 }];
  const client = open({ resolve });
  const response = await client.fetch(`http://once.example:${port}/`);
  expect([await response.text(), asked]).toEqual(['127.0.0.1', 1]);
});

it('checks every hop of a redirect', async () => {
  for (const target of [
    'http://169.254.169.254/',
    'file:///etc/passwd',
    'http://u:p@127.0.0.1/',
    'http://[',
  ]) {
    const port = await serve((_request, response) => response.writeHead(302, { location: target }).end());
    await expect(open().fetch(`http://127.0.0.1:${port}/`), target).rejects.toMatchObject(refusal);
  }
});

it('refuses circles and chains that are too long', async () => {
  const port = await serve((request, response) => {
    const at = Number(request.url!.slice(1));
    response.writeHead(302, { location: at === 100 ? '/100' : `/${at + 1}` }).end();
  });
  await expect(open().fetch(`http://127.0.0.1:${port}/1`)).rejects.toThrow('too often');
  await expect(open().fetch(`http://127.0.0.1:${port}/100`)).rejects.toThrow('in a circle');
});

it('forgets what identifies the caller when a redirect leaves the origin', async () => {
  const seen: IncomingMessage['headers'][] = [];
  const second = await serve((request, response) => {
    seen.push(request.headers);
    response.end('there');
  });
  const first = await serve((request, response) => {
    seen.push(request.headers);
    const location = request.url === '/same' ? '/away' : `http://127.0.0.1:${second}/`;
    response.writeHead(307, { location }).end();
  });
  const headers = { authorization: 'Bearer x', cookie: 'a=b', 'x-api-key': 'k', accept: 'text/html' };
  const response = await open().fetch(`http://127.0.0.1:${first}/same`, { headers });
  expect(await response.text()).toBe('there');
  expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer x', 'Bearer x', undefined]);
  expect(seen.at(-1)).toMatchObject({ accept: 'text/html' });
  expect(Object.keys(seen.at(-1)!)).not.toEqual(expect.arrayContaining(['cookie']));
  expect(seen.at(-1)!['x-api-key']).toBeUndefined();
});

it('turns a redirected form into a plain request, as browsers do', async () => {
  const seen: string[] = [];
  const port = await serve((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.url === '/done') response.end();
    else response.writeHead(303, { location: '/done' }).end();
  });
  await open().fetch(`http://127.0.0.1:${port}/form`, { method: 'POST', body: 'a=b' });
  expect(seen).toEqual(['POST /form', 'GET /done']);
});

it('bounds the body', async () => {
  const port = await serve((_request, response) => response.end('x'.repeat(1_001)));
  const response = await open({ maxBytes: 1_000 }).fetch(`http://127.0.0.1:${port}/`);
  await expect(response.text()).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' });
});
