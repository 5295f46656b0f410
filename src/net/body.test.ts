import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BodyTooLarge, readBody } from './body.ts';

const server = createServer((request, response) => {
  readBody(request, 10).then(
    (body) => response.end(`got ${Buffer.from(body).toString()}`),
    (error: Error) =>
      response.writeHead('status' in error ? 413 : 400, { connection: 'close' }).end(error.name),
  );
});
let port: number;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Writes the bytes as they are and returns the answer up to the close. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

const head = 'POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n';

describe('the body of a request', () => {
  it('is read when it fits', async () => {
    expect(await raw(`${head}content-length: 10\r\n\r\n0123456789`)).toContain('got 0123456789');
    expect(await raw(`${head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`)).toContain('got abc');
    expect(await raw(`${head}\r\n`)).toContain('got ');
  });

  it('is refused before it is read when its declared length is over the limit', async () => {
    expect(await raw(`${head}content-length: 11\r\n\r\n`)).toMatch(/^HTTP\/1.1 413 .*BodyTooLarge/s);
  });

  it('is refused at the first byte over the limit when it comes in chunks', async () => {
    const endless = `${head}transfer-encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n`;
    expect(await raw(endless)).toMatch(/^HTTP\/1.1 413 .*BodyTooLarge/s);
  });
});

describe('the body of a response', () => {
  it('is read when it fits and refused when it does not', async () => {
    expect(Buffer.from(await readBody(new Response('0123456789'), 10)).toString()).toBe('0123456789');
    expect(await readBody(new Response(null), 10)).toHaveLength(0);
    await expect(readBody(new Response('01234567890'), 10)).rejects.toBeInstanceOf(BodyTooLarge);
  });

  it('is not touched when its declared length is over the limit', async () => {
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: () => void pulled++,
        cancel: () => {
          cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const response = new Response(body, { headers: { 'content-length': '11' } });
    await expect(readBody(response, 10)).rejects.toMatchObject({ code: 'BODY_TOO_LARGE', status: 413 });
    expect([pulled, cancelled]).toEqual([0, true]);
  });

  it('is left alone at an abort, with its reason', async () => {
    const reason = new Error('enough');
    const abort = new AbortController();
    const reading = readBody(new Response(new ReadableStream<Uint8Array>()), 10, abort.signal);
    abort.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });
});
