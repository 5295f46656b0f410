/** Addresses that callers send, through the endpoints: openclaw-http §11 and cases 31 to 33 of its §19. */
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { picture } from '../../../testkit/files/pictures.ts';
import { allowed, metadata, refused } from '../../net/data/refused-urls.ts';
import type { Resolve } from '../../net/resolve.ts';
import { mediaDefaults } from '../testing/open.ts';
import { type Endpoint, filePart, imagePart, serveMedia } from './testing.ts';
import { hostilePart } from './testing-parts.ts';

const { images, files } = mediaDefaults.http.responses;
const model = 'openclaw:main';
const toPublic: Resolve = async () => [{ address: '93.184.216.34', family: 4 }];
const toLoopback: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];

/** An HTTP server on loopback until the end of the test; its port. */
async function serve(handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const corpus = [...Object.values(refused).flat(), ...metadata].filter((url) => url.trim() !== '');

it('31. no spelling of an address of this machine, its network or its cloud starts a turn or a connection', async () => {
  let asked = 0;
  const resolve: Resolve = async () => {
    asked += 1;
    return [{ address: '127.0.0.1', family: 4 }];
  };
  const server = await serveMedia({ resolve });
  await using _ = server;
  expect(corpus.length).toBeGreaterThan(90);
  const ways: readonly (readonly [Endpoint, (url: string) => object, object])[] = [
    ['chat', (url) => imagePart('chat', url), {}],
    ['responses', (url) => imagePart('responses', url), {}],
    ['responses', (url) => ({ type: 'input_image', source: { type: 'url', url } }), { model }],
    ['chat', (url) => filePart('chat', { file_url: url }), {}],
    ['responses', (url) => filePart('responses', { file_url: url }), {}],
    ['responses', (url) => ({ type: 'input_file', source: { type: 'url', url } }), { model }],
  ];
  for (const [endpoint, part, more] of ways) {
    for (const url of corpus) {
      const { status, error } = await server.send(endpoint, [part(url)], more);
      expect(status, `${endpoint} ${JSON.stringify(part(url))}`).toBe(400);
      expect(error.message, 'tells nothing of this network').not.toMatch(
        /127\.0\.0\.1|private|metadata|resolve/,
      );
    }
  }
  expect(server.turns).toEqual([]);
  // Names that need a name server are public ones only.
  expect(asked).toBeLessThan(corpus.length);
});

it('public addresses are passed on to the model, or downloaded where that is asked for', async () => {
  const server = await serveMedia({ resolve: toPublic });
  await using _ = server;
  for (const url of allowed.filter((each) => each.startsWith('http'))) {
    for (const endpoint of ['chat', 'responses'] as const) {
      expect((await server.send(endpoint, [imagePart(endpoint, url)])).status, url).toBe(200);
      expect(server.turns.at(-1)!.input).toEqual([{ type: 'image_url', image_url: { url } }]);
    }
  }
});

it('an address that others read differently is passed on as it was judged', async () => {
  const server = await serveMedia({ resolve: toPublic });
  await using _ = server;
  for (const [sent, url] of [
    ['https://good.example\\@127.0.0.1/x.png', 'https://good.example/@127.0.0.1/x.png'],
    [' https://good.example/\tx.png ', 'https://good.example/x.png'],
  ] as const) {
    expect((await server.send('chat', [imagePart('chat', sent)])).status, sent).toBe(200);
    expect(server.turns.at(-1)!.input).toEqual([{ type: 'image_url', image_url: { url } }]);
  }
});

it('a name that resolves to a private address is refused, alone or beside a public one', async () => {
  for (const found of [
    ['127.0.0.1'],
    ['93.184.216.34', '10.0.0.1'],
    ['::ffff:169.254.169.254'],
    ['fd12::1'],
  ]) {
    const resolve: Resolve = async () =>
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    const server = await serveMedia({ resolve });
    await using _ = server;
    const url = 'http://inside.example/x.txt';
    const image = await server.send('responses', [imagePart('responses', url)], { model });
    const file = await server.send('chat', [filePart('chat', { file_url: url })]);
    expect([image.status, image.error.message, file.status, file.error.code]).toEqual([
      400,
      'invalid request',
      400,
      'invalid_file_url',
    ]);
    expect(file.error.message).toContain('its address is not allowed');
  }
});

it('a name server that changes its answer reaches nothing: the checked address is the one that is called', async () => {
  let calls = 0;
  const port = await serve((_request, response) => {
    calls += 1;
    response.end('secret');
  });
  const answers = ['93.184.216.34', '127.0.0.1', '127.0.0.1'];
  const asked: string[] = [];
  const resolve: Resolve = async () => {
    const address = answers[asked.length] ?? '127.0.0.1';
    asked.push(address);
    return [{ address, family: 4 }];
  };
  const server = await serveMedia({ resolve, responses: { files: { ...files, timeoutMs: 300 } } });
  await using _ = server;
  const { status } = await server.send('responses', [
    filePart('responses', { file_url: `http://rebind.example:${port}/` }),
  ]);
  expect([status, calls, asked]).toEqual([400, 0, ['93.184.216.34']]);
});

it('33. every hop of a redirect is checked, and there are not too many of them', async () => {
  let reached = 0;
  const inner = await serve((_request, response) => {
    reached += 1;
    response.end('secret');
  });
  const port = await serve((request, response) => {
    const path = request.url ?? '';
    const hop = Number(/^\/hop\/(\d+)$/.exec(path)?.[1] ?? Number.NaN);
    const target = Number.isNaN(hop)
      ? path === '/loop'
        ? '/loop'
        : path === '/out'
          ? `http://other.example:${inner}/`
          : path === '/metadata'
            ? 'http://169.254.169.254/latest/'
            : 'file:///etc/passwd'
      : hop === 0
        ? undefined
        : `/hop/${hop - 1}`;
    if (target === undefined) response.writeHead(200, { 'content-type': 'text/plain' }).end('arrived');
    else response.writeHead(302, { location: target }).end();
  });
  const only = { ...files, urlAllowlist: ['cdn.example'] };
  const server = await serveMedia({ resolve: toLoopback, allowPrivate: true, responses: { files: only } });
  await using _ = server;
  const get = (path: string) =>
    server.send('responses', [filePart('responses', { file_url: `http://cdn.example:${port}${path}` })]);
  for (const path of ['/out', '/metadata', '/file', '/loop', '/hop/4'])
    expect((await get(path)).status, path).toBe(400);
  expect([reached, server.turns.length]).toEqual([0, 0]);
  expect((await get('/hop/3')).status).toBe(200);
  expect(server.turns.at(-1)!.unstored?.system).toContain('arrived');
});

it('32. an allow-list with wildcards holds for images and files, and no part may name an address when none may', async () => {
  const list = ['cdn.example.com', '*.trusted.example'];
  const server = await serveMedia({
    resolve: toPublic,
    chat: { images: { ...images, allowUrl: undefined, urlAllowlist: list } },
    responses: { images: { ...images, urlAllowlist: list }, maxUrlParts: 1 },
  });
  await using _ = server;
  const send = (url: string, endpoint: Endpoint = 'chat') =>
    server.send(endpoint, [imagePart(endpoint, url)]);
  for (const url of [
    'https://evil.example.org/x.png',
    'https://trusted.example/x.png',
    'https://cdn.example.com.evil.example/',
  ])
    for (const endpoint of ['chat', 'responses'] as const)
      expect((await send(url, endpoint)).status, url).toBe(400);
  for (const url of ['https://cdn.example.com/x.png', 'https://a.b.trusted.example/x.png'])
    expect((await send(url)).status, url).toBe(200);
  const none = await serveMedia({ responses: { maxUrlParts: 0 } });
  await using __ = none;
  for (const part of [
    imagePart('responses', 'https://a.example/'),
    filePart('responses', { file_url: 'https://a.example/' }),
  ]) {
    const { status, error } = await none.send('responses', [part]);
    expect([status, error.code.startsWith('too_many')]).toEqual([400, true]);
  }
});

it('downloads by the settings: not at all, or everything', async () => {
  const png = await picture('png');
  const port = await serve((_request, response) =>
    response.writeHead(200, { 'content-type': 'image/png' }).end(png),
  );
  const url = `http://pictures.example:${port}/a`;
  const open = (allowUrl: boolean | undefined) =>
    serveMedia({
      resolve: toLoopback,
      allowPrivate: true,
      chat: { images: { ...images, allowUrl } },
      responses: { images: { ...images, allowUrl } },
    });
  const shown = async (allowUrl: boolean | undefined, endpoint: Endpoint, more = {}) => {
    const server = await open(allowUrl);
    await using _ = server;
    const { status } = await server.send(endpoint, [imagePart(endpoint, url)], more);
    if (status !== 200) return status;
    return JSON.stringify(server.turns.at(-1)!.input).includes('data:image/png;base64,')
      ? 'bytes'
      : 'address';
  };
  const table = [
    [undefined, 'address', 'address', 400, 'bytes'],
    [true, 'bytes', 'bytes', 'bytes', 'bytes'],
    [false, 400, 400, 400, 400],
  ] as const;
  for (const [allowUrl, ...expected] of table) {
    expect([
      await shown(allowUrl, 'chat'),
      await shown(allowUrl, 'responses'),
      await shown(allowUrl, 'chat', { model }),
      await shown(allowUrl, 'responses', { model }),
    ]).toEqual(expected);
  }
});

it('a host that is slow, large, lying or gone is a refusal in time', async () => {
  const port = await serve((request, response) => {
    const type = { 'content-type': 'text/plain' };
    switch (request.url?.split('?')[0]) {
      case '/slow':
        return;
      case '/drip':
        response.writeHead(200, type).write('a');
        return;
      case '/large':
        response.writeHead(200, { ...type, 'content-length': '99999999' }).flushHeaders();
        return;
      case '/flood':
        response.writeHead(200, type);
        response.end(Buffer.alloc(2_000, 'x'));
        return;
      case '/binary':
        response.writeHead(200, type).end(Buffer.alloc(100));
        return;
      case '/untyped':
        response.writeHead(200).end('text');
        return;
      case '/gone':
        response.writeHead(404).end();
        return;
      default:
        response.destroy();
    }
  });
  const server = await serveMedia({
    resolve: toLoopback,
    allowPrivate: true,
    chat: { files: { ...files, maxBytes: 1_000, timeoutMs: 300 } },
  });
  await using _ = server;
  const codes: Record<string, string> = {
    '/slow': 'file_timeout',
    '/drip': 'file_timeout',
    '/large': 'file_too_large',
    '/flood': 'file_too_large',
    '/binary': 'unsupported_file_media_type',
    '/untyped': 'unsupported_file_media_type',
    '/gone': 'failed_to_download_file',
    '/reset': 'failed_to_download_file',
  };
  for (const [path, code] of Object.entries(codes)) {
    const url = `http://far.example:${port}${path}?token=hunter2`;
    const { status, error } = await server.send('chat', [filePart('chat', { file_url: url })]);
    expect([status, error.code], path).toEqual([400, code]);
  }
  expect(JSON.stringify(server.logs)).not.toContain('hunter2');
  expect(server.turns).toEqual([]);
});

it('hostile fields are answered with 200 or 400 by both endpoints, and nothing unexpected is logged', async () => {
  const server = await serveMedia({ resolve: () => Promise.reject(new Error('no such name')) });
  await using _ = server;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Endpoint>('chat', 'responses'),
      fc.constantFrom('gpt-5', model),
      fc.array(hostilePart, { minLength: 1, maxLength: 3 }),
      async (endpoint, name, parts) => {
        const { status } = await server.send(endpoint, [{ type: 'text', text: 'x' }, ...parts], {
          model: name,
        });
        expect([200, 400]).toContain(status);
      },
    ),
    { numRuns: 200 },
  );
  expect(server.logs.filter(({ level }) => level === 'error')).toEqual([]);
});

it('a caller who goes away ends the download', async () => {
  const cut = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const port = await serve((request) => {
    asked.resolve();
    request.socket.once('close', () => cut.resolve());
  });
  const server = await serveMedia({ resolve: toLoopback, allowPrivate: true });
  await using _ = server;
  const leaving = new AbortController();
  const part = filePart('responses', { file_url: `http://far.example:${port}/` });
  const sent = server.post('responses', { input: [{ role: 'user', content: [part] }] }, leaving.signal);
  await asked.promise;
  leaving.abort();
  await expect(sent).rejects.toThrow();
  await cut.promise;
  expect(server.turns).toEqual([]);
});
