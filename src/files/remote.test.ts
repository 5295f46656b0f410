import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { picture } from '../../testkit/files/pictures.ts';
import { allowed, metadata, refused } from '../net/data/refused-urls.ts';
import type { Resolve } from '../net/resolve.ts';
import { forever, local, open, serve, serveRaw, url } from './testing.ts';

const everything = { urlAllowlist: ['*.example', '127.0.0.1'] };
const spellings = [...Object.values(refused).flat(), ...metadata];
/** Data URLs are read, not downloaded. */
const downloads = spellings.filter((each) => !each.startsWith('data:'));

/** A name server that must not be asked. */
const noNames: Resolve = async (host) => {
  throw new Error(`asked for ${host}`);
};

it('the corpus has enough spellings to mean something', () => {
  expect(downloads.length).toBeGreaterThan(60);
});

it.each(['image', 'file'] as const)('no spelling of a private place is downloaded as %s', async (kind) => {
  const files = open(
    { request: { maxUrlParts: 1_000, maxImageParts: 1_000, maxFileParts: 1_000 } },
    {
      resolve: noNames,
    },
  );
  for (const spelling of downloads)
    await expect(files[kind](url(spelling), forever), spelling).rejects.toMatchObject({
      code: 'FILE_REFUSED',
      reason: 'url_refused',
      status: 400,
    });
});

it('metadata services stay closed where private addresses are open', async () => {
  const files = open({ request: { maxUrlParts: 1_000 } }, { allowPrivate: true, resolve: noNames });
  for (const spelling of metadata)
    await expect(files.image(url(spelling), forever), spelling).rejects.toMatchObject({
      reason: 'url_refused',
    });
});

it('the allow-list does not open a private place', async () => {
  const hosts = downloads.flatMap((each) => {
    const host = URL.parse(each)?.host;
    return host === undefined || host === '' ? [] : [host];
  });
  const files = open(
    { images: { urlAllowlist: hosts }, request: { maxUrlParts: 1_000, maxImageParts: 1_000 } },
    { resolve: noNames },
  );
  for (const spelling of downloads)
    await expect(files.image(url(spelling), forever), spelling).rejects.toMatchObject({
      reason: 'url_refused',
    });
});

it('public names get as far as the name server', async () => {
  const named = allowed.filter((each) => /^[\w.-]*[a-z]\.?$/i.test(URL.parse(each)!.hostname));
  const asked: string[] = [];
  const resolve: Resolve = async (host) => {
    asked.push(host);
    throw new Error('no network here');
  };
  const files = open({ request: { maxUrlParts: 1_000 } }, { resolve });
  for (const spelling of named)
    await expect(files.image(url(spelling), forever), spelling).rejects.toMatchObject({
      reason: 'url_failed',
    });
  expect(named.length).toBeGreaterThan(0);
  expect(asked).toHaveLength(named.length);
});

it('one private address among the answers of the name server refuses the name', async () => {
  const resolve: Resolve = async () => [
    { address: '93.184.216.34', family: 4 },
    { address: '10.0.0.7', family: 4 },
  ];
  await expect(open({}, { resolve }).image(url('http://mixed.example/'), forever)).rejects.toMatchObject({
    reason: 'url_refused',
  });
});

it('a name server that changes its answer between hops reaches nothing private', async () => {
  let hits = 0;
  const port = await serve((_request, response) => {
    hits += 1;
    response.writeHead(302, { location: `http://second.example:${port}/` }).end();
  });
  const resolve: Resolve = async (host) => [
    // The first host stands for a public one: only it is let through.
    { address: host === 'first.example' ? '127.0.0.1' : '169.254.169.254', family: 4 },
  ];
  const files = open({}, { allowPrivate: true, resolve });
  await expect(files.image(url(`http://first.example:${port}/`), forever)).rejects.toMatchObject({
    reason: 'url_refused',
  });
  expect(hits).toBe(1);
});

it('a name that resolves to loopback is refused and nothing is sent', async () => {
  let hits = 0;
  const port = await serve((_request, response) => {
    hits += 1;
    response.end();
  });
  const { resolve } = local;
  await expect(
    open({}, { resolve: resolve! }).image(url(`http://rebind.example:${port}/`), forever),
  ).rejects.toMatchObject({ reason: 'url_refused' });
  expect(hits).toBe(0);
});

it('downloads through redirects, with its own name and nothing about the caller', async () => {
  const png = await picture('png');
  const agents: (string | undefined)[] = [];
  const port = await serve((request, response) => {
    agents.push(request.headers['user-agent']);
    if (request.url === '/3') response.writeHead(200, { 'content-type': 'image/png' }).end(png);
    else
      response
        .writeHead(307, { location: `http://b.example:${port}/${Number(request.url!.slice(1)) + 1}` })
        .end();
  });
  const part = await open({ images: everything }, local).image(url(`http://a.example:${port}/0`), forever);
  expect(part.image_url.url).toBe(`data:image/png;base64,${png.toString('base64')}`);
  expect(agents).toEqual(Array(4).fill('OpenClaw-Gateway/1.0'));
});

it('a chain one redirect too long, a circle and a redirect without a target end the download', async () => {
  const port = await serve((request, response) => {
    const at = Number(request.url!.slice(1));
    if (at === 50) response.writeHead(302, { location: '/50' }).end();
    else if (at === 60) response.writeHead(302).end();
    else response.writeHead(302, { location: `/${at + 1}` }).end();
  });
  const files = open({}, local);
  const at = (path: number) => files.image(url(`http://a.example:${port}/${path}`), forever);
  await expect(at(1)).rejects.toMatchObject({ reason: 'too_many_redirects' });
  await expect(at(50)).rejects.toMatchObject({ reason: 'url_refused' });
  await expect(at(60)).rejects.toMatchObject({ reason: 'url_failed' });
});

it('a redirect to a private place or out of the allow-list is refused at that hop', async () => {
  const targets = [
    'http://169.254.169.254/',
    'http://evil.test/',
    'file:///etc/passwd',
    'data:image/png;base64,AA==',
  ];
  const port = await serve((request, response) => {
    response.writeHead(302, { location: targets[Number(request.url!.slice(1))]! }).end();
  });
  const files = open({ images: everything }, local);
  for (const index of targets.keys())
    await expect(
      files.image(url(`http://a.example:${port}/${index}`), forever),
      targets[index],
    ).rejects.toMatchObject({ reason: 'url_refused' });
});

it('the allow-list knows hosts and wildcards of any depth, not the apex', async () => {
  const png = await picture('png');
  const port = await serve((_request, response) =>
    response.writeHead(200, { 'content-type': 'image/png' }).end(png),
  );
  const files = open({ images: { urlAllowlist: ['CDN.example.', '*.img.example', ''] } }, local);
  const from = (host: string) => files.image(url(`http://${host}:${port}/`), forever);
  for (const host of ['cdn.example', 'a.img.example', 'b.a.img.example.', 'A.IMG.example'])
    await expect(from(host), host).resolves.toBeDefined();
  for (const host of ['img.example', 'xcdn.example', 'evil.test', 'cdn.example.evil.test'])
    await expect(from(host), host).rejects.toMatchObject({ reason: 'url_refused' });
});

it('the type of a download is its Content-Type, not its extension', async () => {
  const png = await picture('png');
  const port = await serve((request, response) => {
    const types: Record<string, string> = { '/text.png': 'text/plain', '/a': 'Image/PNG; charset=x' };
    const type = types[request.url!];
    response.writeHead(200, type === undefined ? {} : { 'content-type': type }).end(png);
  });
  const files = open({}, local);
  const at = (path: string) => files.image(url(`http://a.example:${port}${path}`), forever);
  await expect(at('/a')).resolves.toBeDefined();
  await expect(at('/text.png')).rejects.toMatchObject({ reason: 'type_not_allowed' });
  await expect(at('/none.png')).rejects.toMatchObject({ reason: 'type_not_allowed' });
});

it('takes text with the charset of the response', async () => {
  const port = await serve((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/plain; charset="windows-1252"' })
      .end(Buffer.from([0x80])),
  );
  const { text } = await open({}, local).file(url(`http://a.example:${port}/`), forever);
  expect(text).toContain('\n€\n');
});

it.each([204, 301, 304, 400, 404, 500])('an answer with status %i is a failure', async (status) => {
  const port = await serve((_request, response) => response.writeHead(status).end());
  await expect(open({}, local).image(url(`http://a.example:${port}/`), forever)).rejects.toMatchObject({
    reason: status === 204 ? 'type_not_allowed' : 'url_failed',
  });
});

it('a length over the limit is refused before the body is read', async () => {
  let sent = 0;
  const port = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'image/png', 'content-length': 20 * 1024 * 1024 });
    response.flushHeaders();
    response.on('drain', () => {
      sent += 1;
    });
  });
  await expect(open({}, local).image(url(`http://a.example:${port}/`), forever)).rejects.toMatchObject({
    reason: 'too_large',
    status: 413,
  });
  expect(sent).toBe(0);
});

it('an endless body is cut at the limit, also one that unfolds', async () => {
  const bomb = gzipSync(Buffer.alloc(2_000_000));
  const port = await serve((request, response) => {
    if (request.url === '/gzip') {
      const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip' };
      response.writeHead(200, headers).end(bomb);
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain' });
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  const files = open({ files: { maxBytes: 1_000_000 } }, local);
  expect(bomb.length).toBeLessThan(10_000);
  for (const path of ['/', '/gzip'])
    await expect(files.file(url(`http://a.example:${port}${path}`), forever)).rejects.toMatchObject({
      reason: 'too_large',
    });
});

it.each(['1e9', '-1', '0x10', '5, 6', 'many'])('a Content-Length of "%s" is a failure', async (length) => {
  const port = await serveRaw((socket) => {
    socket.end(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\nhello`);
  });
  await expect(open({}, local).file(url(`http://a.example:${port}/`), forever)).rejects.toMatchObject({
    reason: 'url_failed',
  });
});

it('a body shorter than its length, a broken answer and a closed port are failures', async () => {
  const short = await serveRaw((socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 50\r\n\r\nhello');
  });
  const broken = await serveRaw((socket) => socket.end('SSH-2.0-x\r\n'));
  const files = open({}, local);
  for (const port of [short, broken, 1])
    await expect(files.file(url(`http://a.example:${port}/`), forever), String(port)).rejects.toMatchObject({
      reason: 'url_failed',
    });
});

it('one time-out covers waiting, every hop and a body that trickles', async () => {
  const port = await serve(async (request, response) => {
    if (request.url === '/silent') return;
    if (request.url !== '/trickle') {
      await sleep(60);
      response.writeHead(302, { location: `/${Number(request.url!.slice(1)) + 1}` }).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain' });
    while (!response.destroyed) {
      response.write('x');
      await sleep(10);
    }
  });
  const files = open({ files: { timeoutMs: 150, maxRedirects: 50 } }, local);
  for (const path of ['/silent', '/trickle', '/0'])
    await expect(files.file(url(`http://a.example:${port}${path}`), forever), path).rejects.toMatchObject({
      reason: 'timeout',
    });
});

it('a name server that never answers is covered by the time-out', async () => {
  const files = open({ files: { timeoutMs: 50 } }, { resolve: () => new Promise(() => {}) });
  await expect(files.file(url('http://slow.example/'), forever)).rejects.toMatchObject({ reason: 'timeout' });
});

it('an abort of the caller is not a refusal', async () => {
  const port = await serve(() => {});
  const stop = new AbortController();
  const download = open({}, local).file(url(`http://a.example:${port}/`), stop.signal);
  stop.abort(new Error('client went away'));
  await expect(download).rejects.toThrow('client went away');
});

it('no message holds a query or user information', async () => {
  const port = await serve((_request, response) => response.writeHead(500).end());
  const files = open({}, local);
  for (const address of [
    `http://a.example:${port}/?token=s3cret`,
    'http://s3cret@a.example/',
    'http://169.254.169.254/?k=s3cret',
    'http://a.example:1/?k=s3cret',
  ]) {
    const error: unknown = await files.image(url(address), forever).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).not.toContain('s3cret');
  }
});
