import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { message, type Setup, setUp, vectors } from './testing.ts';

let setup: Setup;
beforeEach(async () => {
  setup = await setUp();
});
afterEach(() => setup.close());

const megabyte = 1024 * 1024;
const png = vectors.media[0]!;
const picture = Buffer.from(png.plaintext_b64, 'base64');

async function fetched(ref: string, signal = AbortSignal.timeout(5000)): Promise<Buffer> {
  const stream = await setup.adapter.media!(ref, signal);
  return Buffer.from(await new Response(stream).arrayBuffer());
}

const ref = (source: object) => JSON.stringify(source);
const why = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fetched',
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );

describe('an attachment', () => {
  test.each(vectors.media)('$name is fetched and opened', async ({ aeskey, plaintext_b64, name }) => {
    const plain = Buffer.from(plaintext_b64, 'base64');
    const url = setup.fake.serve(plain, { aeskey });
    const kind = name.startsWith('png') ? 'image' : 'file';
    expect(await fetched(ref({ kind, url, key: aeskey }))).toEqual(plain);
    expect(setup.fake.web.requests).toEqual([`HermesAgent/1.0 ${new URL(url).pathname}`]);
  });

  test('of a mixed message goes from the push to its bytes', async () => {
    const url = setup.fake.serve(picture, { aeskey: png.aeskey });
    const running = setup.connect();
    const item = (content: string) => ({ msgtype: 'text', text: { content } });
    const image = { msgtype: 'image', image: { url, aeskey: png.aeskey } };
    setup.fake.push(message({ msgtype: 'mixed', mixed: { msg_item: [item('a'), image, item('b')] } }));
    const [event] = await running.events(1);
    expect(event?.text).toBe('a\nb');
    expect(await fetched(event!.media![0]!.ref)).toEqual(picture);
  });

  test('inside the message needs no request', async () => {
    const running = setup.connect();
    const base64 = `data:image/png;base64,${png.plaintext_b64}`;
    setup.fake.push(message({ msgtype: 'image', image: { base64 } }));
    const [event] = await running.events(1);
    expect(event?.media).toMatchObject([{ kind: 'image', mime: 'image/png' }]);
    expect(await fetched(event!.media![0]!.ref)).toEqual(picture);
    expect(setup.fake.web.requests).toEqual([]);
  });

  test('without a key is taken as it is', async () => {
    expect(await fetched(ref({ kind: 'image', url: setup.fake.serve(picture) }))).toEqual(picture);
  });
});

describe('what cannot be had is said', () => {
  test('a wrong key or padding, before a byte is handed out', async () => {
    for (const { aeskey, ciphertext_b64, expect_error } of vectors.negative) {
      const url = setup.fake.serve(Buffer.from(ciphertext_b64, 'base64'));
      expect(await why(fetched(ref({ kind: 'file', url, key: aeskey })))).toBe(
        `MEDIA_UNAVAILABLE: The attachment cannot be fetched from WeCom: ${expect_error}`,
      );
    }
  });

  test('a picture that is none', async () => {
    const url = setup.fake.serve(Buffer.from('<script>'));
    expect(await why(fetched(ref({ kind: 'image', url })))).toMatch(/it is no image$/);
  });

  test('a link that is over', async () => {
    const url = setup.fake.serve(picture, { status: 403 });
    expect(await why(fetched(ref({ kind: 'image', url })))).toMatch(/HTTP 403$/);
  });

  test('a file of more than 20 MB; one of exactly that is taken', async () => {
    const large = setup.fake.serve(Buffer.alloc(20 * megabyte + 1), { aeskey: png.aeskey });
    expect(await why(fetched(ref({ kind: 'file', url: large, key: png.aeskey })))).toMatch(
      /^MEDIA_TOO_LARGE/,
    );
    const exact = setup.fake.serve(Buffer.alloc(20 * megabyte), { aeskey: png.aeskey });
    expect((await fetched(ref({ kind: 'file', url: exact, key: png.aeskey }))).length).toBe(20 * megabyte);
  });

  test('a place the platform may not call', async () => {
    for (const url of ['http://169.254.169.254/latest', 'https://example.org/x', 'file:///etc/passwd', 'x'])
      expect(await why(fetched(ref({ kind: 'file', url })))).toMatch(/^MEDIA_UNAVAILABLE/);
    expect(setup.fake.web.requests).toEqual([]);
  });

  test('a reference that is none', async () => {
    for (const bad of ['', '{}', 'null', '{"kind":"file"}', '{"url":7}'])
      expect(await why(fetched(bad))).toMatch(/its reference is damaged$/);
  });

  test('an abort is an abort', async () => {
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    const url = setup.fake.serve(picture);
    await expect(fetched(ref({ kind: 'image', url }), abort.signal)).rejects.toThrow('enough');
  });
});

test('a host that never answers is given up after 30 s', async () => {
  await setup.close();
  const clock = virtualClock();
  setup = await setUp({}, { clock });
  const url = setup.fake.serve(picture, { stalls: true });
  const waiting = why(fetched(ref({ kind: 'image', url }), new AbortController().signal));
  while (setup.fake.web.requests.length === 0) await clock.advance(0);
  await clock.advance(30_000);
  expect(await waiting).toMatch(/not within 30000 ms$/);
  expect(clock.pending).toBe(0);
});
