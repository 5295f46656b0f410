import { afterEach, describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { brand } from '../../core/ids.ts';
import type { MediaRef } from '../../core/inbound.ts';
import type { PartOp } from '../contract.ts';
import { isRefused, planMedia } from './media-plan.ts';
import { inGroup, message, patterned, type Setup, setUp, until, vectors } from './testing.ts';

const megabyte = 1024 * 1024;
let open: Setup[] = [];
afterEach(async () => {
  await Promise.all(open.map((each) => each.close()));
  open = [];
});

async function connected() {
  const setup = await setUp({}, { clock: virtualClock({ autoSleep: true }) });
  open.push(setup);
  const running = setup.connect();
  await running.connected();
  return { ...setup, running };
}

const carry = (media: Partial<MediaRef>, caption = '', replyTo?: string): PartOp => ({
  kind: 'send',
  body: { text: caption, plain: caption },
  media: { ref: '/tmp/report.bin', kind: 'file', mime: 'application/octet-stream', ...media },
  ...(replyTo === undefined ? {} : { replyTo: brand(replyTo) }),
});

/** Cheap to make, and no two chunks alike are needed here. */
const zeros = (bytes: number) => new Uint8Array(bytes);
const uploads = (setup: Setup) => [...setup.fake.uploads.media.values()];
const told = (setup: Setup) => setup.fake.seen.map(({ msgtype, text }) => text ?? msgtype);

describe('an upload', () => {
  test.each(vectors.upload.filter(({ total_size }) => total_size < 2 * megabyte))(
    'of $total_size bytes is cut, counted and summed as known',
    async ({ total_size, md5, total_chunks, chunk_sizes_first_last: [first, last], last_chunk_index }) => {
      const setup = await connected();
      const bytes = patterned(total_size);
      setup.files.set('/tmp/report.bin', bytes);
      expect(await setup.deliver(carry({ name: 'report.pdf' }))).toMatchObject({ kind: 'sent' });
      const init = setup.fake.frames.find(({ cmd }) => cmd === 'aibot_upload_media_init');
      expect(init?.body).toEqual({ type: 'file', filename: 'report.pdf', total_size, total_chunks, md5 });
      const [media] = uploads(setup);
      expect(Buffer.from(bytes).equals(media?.bytes ?? Buffer.alloc(0))).toBe(true);
      expect(media?.chunks.map(({ index }) => index)).toEqual([...Array(total_chunks).keys()]);
      expect([media?.chunks.at(0)?.size, media?.chunks.at(-1)]).toEqual([
        first,
        { index: last_chunk_index, size: last },
      ]);
    },
  );

  test('of the largest file is taken', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', patterned(20 * megabyte));
    expect(await setup.deliver(carry({}))).toMatchObject({ kind: 'sent' });
    expect(uploads(setup)[0]?.chunks).toHaveLength(40);
  });

  test('that breaks off was seen by nobody: it may be made again', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', zeros(10));
    setup.fake.fault({ on: 'upload', kind: 'accept-then-reset', times: 1 });
    expect(await setup.deliver(carry({}))).toEqual({
      kind: 'retry',
      scope: 'part',
      why: 'WeCom connection interrupted',
    });
  });

  test('that is refused is refused, and one that came too fast is made later', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', zeros(10));
    setup.fake.fault({ on: 'upload', kind: 'status', code: 40058, times: 1 });
    setup.fake.fault({ on: 'upload', kind: 'status', code: 45009, times: 1 });
    setup.fake.fault({ on: 'upload', kind: 'status', code: -1, times: 1 });
    const outcomes = [];
    for (let n = 0; n < 4; n++) outcomes.push((await setup.deliver(carry({}))).kind);
    expect(outcomes).toEqual(['rejected', 'retry', 'retry', 'sent']);
  });

  test('that is aborted lets go and may be made again', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', zeros(megabyte));
    setup.fake.fault({ on: 'upload', kind: 'hang', times: 1 });
    const abort = new AbortController();
    const hanging = setup.deliver(carry({}), { signal: abort.signal });
    await until(() => setup.fake.frames.some(({ cmd }) => cmd === 'aibot_upload_media_init'));
    abort.abort(new Error('enough'));
    expect(await hanging).toMatchObject({ kind: 'retry', scope: 'part' });
  });
});

describe('an upload that needs several attempts', () => {
  const chunks = (setup: Setup) =>
    setup.fake.frames.flatMap(({ cmd, body }) =>
      cmd === 'aibot_upload_media_chunk' ? [(body as { chunk_index: number }).chunk_index] : [],
    );

  test('goes on where it was, also on another connection', async () => {
    const setup = await connected();
    const bytes = patterned(3 * 524_288);
    setup.files.set('/tmp/report.bin', bytes);
    setup.fake.fault({ on: 'upload', kind: 'reset', times: 1, after: 2 });
    expect(await setup.deliver(carry({}), { key: 'P' })).toMatchObject({ kind: 'retry' });
    await setup.running.ended;
    await setup.connect().connected();
    expect(await setup.deliver(carry({}), { key: 'P' })).toMatchObject({ kind: 'sent' });
    expect(chunks(setup)).toEqual([0, 1, 1, 2]);
    expect(uploads(setup)[0]?.bytes.equals(bytes)).toBe(true);
  });

  test('begins again when the server no longer knows it', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', patterned(2 * 524_288));
    setup.fake.fault({ on: 'upload', kind: 'hang', times: 1, after: 2 });
    const abort = new AbortController();
    const slow = setup.deliver(carry({}), { key: 'P', signal: abort.signal });
    await until(() => chunks(setup).length === 2);
    abort.abort(new Error('no answer within 60 s'));
    expect(await slow).toMatchObject({ kind: 'retry' });
    setup.fake.fault({ on: 'upload', kind: 'status', code: 40058, times: 1 });
    expect(await setup.deliver(carry({}), { key: 'P' })).toMatchObject({ kind: 'retry', scope: 'part' });
    expect(await setup.deliver(carry({}), { key: 'P' })).toMatchObject({ kind: 'sent' });
    expect(chunks(setup)).toEqual([0, 1, 1, 0, 1]);
  });
});

describe('what a file is sent as', () => {
  test.each([
    ['image', 'image/png', 11, 'file', '图片大小 11.00MB 超过 10MB 限制，已转为文件格式发送'],
    ['image', 'image/png', 10, 'image', undefined],
    ['video', 'video/mp4', 10.5, 'file', '视频大小 10.50MB 超过 10MB 限制，已转为文件格式发送'],
    ['video', 'video/mp4', 1, 'video', undefined],
    ['voice', 'audio/amr', 3, 'file', '语音大小 3.00MB 超过 2MB 限制，已转为文件格式发送'],
    ['voice', 'audio/amr', 1, 'voice', undefined],
    ['audio', 'audio/mpeg', 1, 'file', '语音格式 audio/mpeg 不支持，企微仅支持 AMR 格式，已转为文件格式发送'],
    [
      'voice',
      'application/ogg',
      1,
      'file',
      '语音格式 application/ogg 不支持，企微仅支持 AMR 格式，已转为文件格式发送',
    ],
    ['file', 'image/png', 20, 'file', undefined],
    ['sticker', 'image/webp', 1, 'image', undefined],
  ] as const)('%s of type %s and %d MB is sent as %s', (kind, mime, size, type, note) => {
    const plan = planMedia({ ref: '/a/b.bin', kind, mime }, size * megabyte);
    if (isRefused(plan)) throw new Error('refused');
    expect([plan.type, plan.note, plan.filename]).toEqual([type, note, 'b.bin']);
  });

  test('the file comes first, then its caption, then the remark, all as replies', async () => {
    const setup = await connected();
    const reqId = setup.fake.push(message({ msgid: 'M1', ...inGroup }));
    await setup.running.events(1);
    setup.files.set('/tmp/song.mp3', zeros(100));
    const op = carry({ ref: '/tmp/song.mp3', kind: 'audio', mime: 'audio/mpeg' }, '**listen**', 'M1');
    expect(await setup.deliver(op, { chat: 'wrGROUP' })).toEqual({ kind: 'sent', id: reqId });
    expect(told(setup)).toEqual([
      'file',
      '**listen**',
      'ℹ️ 语音格式 audio/mpeg 不支持，企微仅支持 AMR 格式，已转为文件格式发送',
    ]);
    expect(new Set(setup.fake.seen.map((write) => write.reqId))).toEqual(new Set([reqId]));
    expect(uploads(setup)[0]).toMatchObject({ type: 'file', filename: 'song.mp3' });
  });

  test('more than 20 MB is not uploaded: the chat is told, and the part is refused', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', zeros(21 * megabyte));
    const why =
      '文件大小 21.00MB 超过了企业微信允许的最大限制 20MB，无法发送。请尝试压缩文件或减小文件大小。';
    for (const bytes of [undefined, 21 * megabyte]) {
      const op = carry(bytes === undefined ? {} : { bytes });
      expect(await setup.deliver(op)).toEqual({ kind: 'rejected', code: 'too-long', why });
    }
    expect(told(setup)).toEqual([`⚠️ ${why}`, `⚠️ ${why}`]);
    expect(setup.fake.frames.some(({ cmd }) => cmd.includes('upload'))).toBe(false);
  });

  test('a file that is empty or cannot be read is refused and holds nothing up', async () => {
    const setup = await connected();
    expect(await setup.deliver(carry({}))).toMatchObject({ kind: 'rejected', code: 'other' });
    setup.files.set('/tmp/report.bin', zeros(0));
    expect(await setup.deliver(carry({}))).toMatchObject({ why: 'Cannot upload empty media' });
    expect(setup.fake.seen).toEqual([]);
  });
});

describe('a part of several messages', () => {
  test('whose file was refused for its speed is not uploaded again', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', zeros(10));
    setup.fake.fault({ on: 'send', kind: 'status', code: 45009, times: 1 });
    expect(await setup.deliver(carry({}), { key: 'P' })).toMatchObject({ kind: 'retry', scope: 'chat' });
    expect(await setup.deliver(carry({}), { key: 'P' })).toMatchObject({ kind: 'sent' });
    expect(uploads(setup)).toHaveLength(1);
  });

  test('whose caption was refused for its speed does not show the file twice', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', zeros(10));
    const op = carry({}, 'caption');
    setup.fake.fault({ on: 'send', kind: 'status', code: 45009, times: 1, after: 1 });
    expect(await setup.deliver(op, { key: 'P' })).toMatchObject({ kind: 'retry', scope: 'chat' });
    expect(await setup.deliver(op, { key: 'P' })).toMatchObject({ kind: 'sent' });
    expect(told(setup)).toEqual(['file', 'caption']);
  });

  test('whose file is in doubt is in doubt', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', zeros(10));
    setup.fake.fault({ on: 'send', kind: 'accept-then-reset', times: 1 });
    expect(await setup.deliver(carry({}, 'caption'), { key: 'P' })).toMatchObject({ kind: 'unknown' });
  });

  test('whose remark is lost is sent all the same', async () => {
    const setup = await connected();
    setup.files.set('/tmp/report.bin', zeros(10));
    setup.fake.fault({ on: 'send', kind: 'status', code: 45009, times: 1, after: 1 });
    const op = carry({ kind: 'audio', mime: 'audio/mpeg' });
    expect(await setup.deliver(op)).toMatchObject({ kind: 'sent' });
    expect(told(setup)).toEqual(['file']);
    expect(setup.log.map(({ event }) => event)).toContain('wecom.remark_lost');
  });
});
