import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { NotSent } from '../core/outcome.ts';
import {
  originGuard,
  type PlatformFetch,
  type PlatformFetchOptions,
  platformFetch,
} from './platform-fetch.ts';
import { WireError } from './wire.ts';

const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  await listen(server);
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function open(options: Partial<PlatformFetchOptions>): PlatformFetch {
  const client = platformFetch({ origins: [], ownOrigins: [], ...options });
  ends.push(client.close);
  return client;
}

/** A port nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await listen(server);
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('certainly not sent', () => {
  it('is a request to a host that is not an origin of the platform', async () => {
    let calls = 0;
    const url = await serve(() => calls++);
    const { fetch } = open({ origins: ['api.example.com'] });
    await expect(fetch(`${url}/bot123:secret/x`)).rejects.toBeInstanceOf(NotSent);
    await expect(fetch('https://api.example.com.evil.example/')).rejects.toBeInstanceOf(NotSent);
    expect(calls).toBe(0);
  });

  it('is a request whose connection is refused or whose host has no address', async () => {
    const address = `http://127.0.0.1:${await freePort()}`;
    const refused = open({ ownOrigins: [address] });
    await expect(refused.fetch(`${address}/`)).rejects.toBeInstanceOf(NotSent);
    const enotfound = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    const nameless = open({ origins: ['gone.example'], resolve: () => Promise.reject(enotfound) });
    await expect(nameless.fetch('https://gone.example/')).rejects.toBeInstanceOf(NotSent);
  });

  it('is a request whose connection does not open in time', async () => {
    const { fetch } = open({
      origins: ['slow.example'],
      resolve: () => new Promise(() => {}),
      connectMs: 50,
    });
    await expect(fetch('https://slow.example/')).rejects.toBeInstanceOf(NotSent);
  });

  it('is a request to a declared host whose name leads into this network', async () => {
    const { fetch } = open({
      origins: ['api.example.com'],
      resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    const error = await fetch('https://api.example.com/').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotSent);
    expect(String(error)).toContain('private, internal or special-use');
  });
});

describe('certainly not sent, and not told', () => {
  it('is a request with a header that cannot be sent', async () => {
    const { fetch } = open({ ownOrigins: ['127.0.0.1'] });
    const headers = { authorization: 'Bearer canary\nx' };
    const error = await fetch('http://127.0.0.1:9/', { headers }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NotSent);
    expect(String(error)).toContain('a header holds');
    expect(String(error)).not.toContain('canary');
  });

  it('is a request to a port of another protocol', async () => {
    const { fetch } = open({ ownOrigins: ['127.0.0.1'] });
    await expect(fetch('http://127.0.0.1:25/')).rejects.toBeInstanceOf(NotSent);
  });
});

describe('possibly executed', () => {
  it('is a request whose connection breaks after it was written', async () => {
    const url = await serve((request) => request.on('end', () => request.socket.destroy()).resume());
    const { fetch } = open({ ownOrigins: [url] });
    const error = await fetch(url, { method: 'POST', body: 'x' }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(WireError);
    expect(error).not.toBeInstanceOf(NotSent);
  });

  it('is a request that is answered with something that is not HTTP', async () => {
    const server = createTcpServer((socket) => socket.on('data', () => socket.end('garbage\r\n\r\n')));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(open({ ownOrigins: [url] }).fetch(url)).rejects.toBeInstanceOf(WireError);
  });

  it('is a request that is answered with a redirect, which is not followed', async () => {
    let calls = 0;
    const url = await serve((_request, response) => {
      calls++;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    await expect(open({ ownOrigins: [url] }).fetch(url, { method: 'POST' })).rejects.toThrow('redirect');
    expect(calls).toBe(1);
  });
});

it('rethrows the reason of an abort, before and during a request and its body', async () => {
  const reason = new Error('enough');
  const url = await serve((request, response) => {
    if (request.url === '/body') response.write('half');
  });
  const { fetch } = open({ ownOrigins: [url] });
  await expect(fetch(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  for (const path of ['/hang', '/body']) {
    const abort = new AbortController();
    const answer = fetch(url + path, { signal: abort.signal }).then((response) => response.text());
    setTimeout(() => abort.abort(reason), 30);
    await expect(answer, path).rejects.toBe(reason);
  }
});

it('bounds an answer by the bytes after decompression', async () => {
  const big = Buffer.alloc(2_000_000, 'a');
  const url = await serve((request, response) => {
    if (request.url === '/packed') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(big));
    else response.end(request.url === '/small' ? 'fits' : big);
  });
  const { fetch } = open({ ownOrigins: [url], maxBytes: 1_000_000 });
  for (const path of ['/plain', '/packed']) {
    const response = await fetch(url + path);
    await expect(response.text(), path).rejects.toThrow('larger than 1000000 bytes');
  }
  const small = await fetch(`${url}/small`);
  expect([small.status, small.url, await small.text()]).toEqual([200, `${url}/small`, 'fits']);
});

it('sends forms and answers without a body as the built-in fetch does', async () => {
  const url = await serve((request, response) => {
    request.resume();
    if (request.method === 'DELETE') response.writeHead(204).end();
    else response.end(request.headers['content-type']);
  });
  const { fetch } = open({ ownOrigins: [url] });
  const form = new FormData();
  form.set('file', new Blob(['x']), 'x.txt');
  expect(await (await fetch(url, { method: 'POST', body: form })).text()).toMatch(/^multipart\/form-data/);
  expect((await fetch(url, { method: 'DELETE' })).status).toBe(204);
});

it('uses a connection again, and never more than allowed', async () => {
  const sockets = new Set<unknown>();
  const url = await serve((request, response) => {
    sockets.add(request.socket);
    setTimeout(() => response.end('ok'), 5);
  });
  const { fetch } = open({ ownOrigins: [url], connections: 3 });
  await Promise.all(Array.from({ length: 30 }, async () => (await fetch(url)).text()));
  expect(sockets.size).toBe(3);
});

it('cuts its connections on close and takes no further request', async () => {
  const url = await serve(() => {});
  const client = open({ ownOrigins: [url] });
  const hanging = client.fetch(url);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await Promise.all([expect(hanging).rejects.toBeInstanceOf(WireError), client.close()]);
  await expect(client.fetch(url)).rejects.toBeInstanceOf(NotSent);
});

describe('the origins of a platform', () => {
  const guard = originGuard({
    origins: ['api.example.com', '*.media.example', 'odd.example:8443'],
    ownOrigins: ['http://10.0.0.5:8065', '127.0.0.1', '[::1]:9000'],
  });

  it('are met by encrypted requests to declared hosts and by any request to an own one', () => {
    const pass = [
      'https://api.example.com/x',
      'wss://api.example.com/',
      'https://a.b.media.example/',
      'https://odd.example:8443/',
      'http://10.0.0.5:8065/api',
      'ws://10.0.0.5:8065/',
      'http://127.0.0.1:1/',
      'https://127.0.0.1/',
      'http://[::1]:9000/',
    ];
    for (const url of pass) expect(guard.url(url).href, url).toBe(url);
    const stop = [
      'http://api.example.com/',
      'ws://api.example.com/',
      'https://media.example/',
      'https://odd.example/',
      'http://10.0.0.5/',
      'https://10.0.0.5:8065/',
      'http://10.0.0.6:8065/',
      'http://[::1]:9001/',
      'https://user:pass@api.example.com/',
      'ftp://api.example.com/',
      'nonsense',
    ];
    for (const url of stop) expect(() => guard.url(url), url).toThrow(NotSent);
  });

  it('never lead to a metadata service, not even an own one', () => {
    const own = originGuard({ origins: [], ownOrigins: ['169.254.169.254', 'nas.example'] });
    expect(() => own.url('http://169.254.169.254/')).toThrow(NotSent);
    expect(() => own.addresses('nas.example', [{ address: '169.254.169.254', family: 4 }])).toThrow(NotSent);
    expect(() => own.addresses('nas.example', [{ address: '192.168.1.9', family: 4 }])).not.toThrow();
  });

  it('are refused when an entry is no host', () => {
    for (const entry of ['https://a.example/path', 'a b', '', 'user@a.example', '*', 'http://'])
      expect(() => originGuard({ origins: [entry], ownOrigins: [] }), entry).toThrow('not a host');
  });
});
