import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createDeflate, deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { heic } from '../../testkit/files/heic.ts';
import { firstExtra, pdf, stream } from '../../testkit/files/pdf.ts';
import { systemClock } from '../core/clock.ts';
import { convert } from './convert.ts';
import type { Job, PdfJob } from './job.ts';
import { forever } from './testing.ts';

const job = (bytes: Uint8Array): PdfJob => ({
  kind: 'pdf',
  bytes,
  maxPages: 4,
  maxPixels: 4_000_000,
  minTextChars: 200,
  maxChars: 200_000,
  maxImageBytes: 10_000_000,
});
const read = (bytes: Uint8Array, ms = 15_000, signal = forever) =>
  convert(job(bytes), ms, systemClock, signal);

/** `times` mebibytes of `text`, compressed without ever standing in memory. */
async function deflated(text: string, times: number): Promise<Buffer> {
  const chunk = Buffer.from(text.repeat(Math.ceil(2 ** 20 / text.length)));
  const deflate = createDeflate({ level: 9 });
  const parts: Buffer[] = [];
  deflate.on('data', (part: Buffer) => parts.push(part));
  for (let index = 0; index < times; index++) if (!deflate.write(chunk)) await once(deflate, 'drain');
  deflate.end();
  await once(deflate, 'end');
  return Buffer.concat(parts);
}

/** One page whose content is the first extra object. */
function withContent(content: Uint8Array, extra: readonly Uint8Array[] = [], resources = ''): Buffer {
  const page = pdf([{ content: '', resources }], { extra: [content, ...extra] }).toString('latin1');
  return Buffer.from(page.replace('/Contents 5 0 R', `/Contents ${firstExtra(1)} 0 R`), 'latin1');
}

/** A form that draws what `content` says; `/X` is the object with number `next`. */
const form = (content: string, next: number, entries = '') =>
  stream(
    content,
    `/Type /XObject /Subtype /Form /BBox [0 0 500 500] ${entries} /Resources << /XObject << /X ${next} 0 R >> /ExtGState << /G << /ca 0.5 >> >> >>`,
    true,
  );

it('a PDF that unfolds to gigabytes is stopped by its memory', async () => {
  const inner = await deflated(' ', 800);
  const bytes = deflateSync(inner, { level: 9 });
  const content = Buffer.concat([
    Buffer.from(`<< /Filter [/FlateDecode /FlateDecode] /Length ${bytes.length} >>\nstream\n`),
    bytes,
    Buffer.from('\nendstream'),
  ]);
  const file = withContent(content);
  expect(file.length).toBeLessThan(50_000);
  await expect(read(file)).rejects.toMatchObject({ reason: 'too_complex' });
});

it('a PDF that draws without end is stopped by its time', async () => {
  const first = firstExtra(1) + 1;
  const forms = Array.from({ length: 26 }, (_, level) =>
    form(level === 25 ? '0 0 9 9 re f' : '/X Do /X Do', first + level + 1),
  );
  const bytes = withContent(stream('/X Do', '', true), forms, `/XObject << /X ${first} 0 R >>`);
  await expect(read(bytes, 1_000)).rejects.toMatchObject({ reason: 'timeout' });
});

it('a page that needs any number of surfaces is not drawn', async () => {
  const first = firstExtra(1) + 1;
  const group = '/Group << /S /Transparency /I true >>';
  const forms = Array.from({ length: 400 }, (_, level) =>
    form(level === 399 ? '0 0 9 9 re f' : '/G gs /X Do', first + level + 1, group),
  );
  const page = withContent(stream('/X Do', '', true), forms, `/XObject << /X ${first} 0 R >>`);
  const large = Buffer.from(page.toString('latin1').replace('0 0 298 420', '0 0 500 500'), 'latin1');
  const small: Job = { ...job(large), maxPixels: 250_000 };
  await expect(convert(small, 15_000, systemClock, forever)).resolves.toEqual({ text: '', images: [] });
});

it('a form that contains itself and a picture of ten billion pixels leave a page without them', async () => {
  const first = firstExtra(1) + 1;
  const resources = `/XObject << /X ${first} 0 R >>`;
  const call = stream('/X Do', '', true);
  const self = withContent(call, [form('/X Do /X Do', first)], resources);
  const huge = stream(
    Buffer.alloc(1_000),
    '/Type /XObject /Subtype /Image /Width 100000 /Height 100000 /BitsPerComponent 8 /ColorSpace /DeviceRGB',
  );
  for (const bytes of [self, withContent(call, [huge], resources)])
    expect((await read(bytes)).images).toHaveLength(1);
});

it('a page tree that lies about its size or contains itself ends', async () => {
  const lying = pdf([{ lines: ['one page'] }], { count: 2_000_000_000 });
  await expect(read(lying)).resolves.toMatchObject({ text: 'one page' });
  const circle = Buffer.from(
    pdf([{ lines: ['a'] }])
      .toString('latin1')
      .replace('/Kids [4 0 R]', '/Kids [2 0 R]'),
    'latin1',
  );
  await expect(read(circle)).rejects.toMatchObject({ reason: 'unreadable_pdf' });
});

it('text beyond the limit is not read', async () => {
  const endless = stream(
    `BT /F 12 Tf 20 20 Td ${'(here) Tj 0 90 Td (there) Tj 0 -90 Td '.repeat(20_000)} ET`,
    '',
  );
  const { text } = await convert(
    { ...job(withContent(endless)), maxChars: 1_000, minTextChars: 0 },
    15_000,
    systemClock,
    forever,
  );
  expect(text.length).toBeGreaterThan(1_000);
  expect(text.length).toBeLessThan(20_000);
});

it('a damaged PDF and one with a password are refused by name', async () => {
  const locked = pdf([{ lines: ['secret'] }], {
    trailer: `/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${'00'.repeat(32)}> /U <${'11'.repeat(32)}> >> /ID [<00> <00>]`,
  });
  await expect(read(locked)).rejects.toThrow('password');
  await expect(read(Buffer.from('%PDF-1.7 and nothing else'))).rejects.toMatchObject({
    reason: 'unreadable_pdf',
  });
});

it('a page that would be too many bytes as PNG becomes JPEG', async () => {
  const noise = createHash('shake256', { outputLength: 300 * 300 }).digest();
  const scan = stream(
    noise,
    '/Type /XObject /Subtype /Image /Width 300 /Height 300 /BitsPerComponent 8 /ColorSpace /DeviceGray',
  );
  const content = stream('q 298 0 0 420 0 0 cm /X Do Q', '', true);
  const file = withContent(content, [scan], `/XObject << /X ${firstExtra(1) + 1} 0 R >>`);
  const png = (await read(file)).images[0]!;
  const limited: Job = { ...job(file), maxImageBytes: png.bytes.length - 1 };
  const { images } = await convert(limited, 15_000, systemClock, forever);
  expect([png.mime, images[0]?.mime]).toEqual(['image/png', 'image/jpeg']);
});

it('an abort ends the work at once and gives its place to the next', async () => {
  const first = firstExtra(1) + 1;
  const forms = Array.from({ length: 26 }, (_, level) =>
    form(level === 25 ? '0 0 9 9 re f' : '/X Do /X Do', first + level + 1),
  );
  const slow = withContent(stream('/X Do', '', true), forms, `/XObject << /X ${first} 0 R >>`);
  const stop = new AbortController();
  const stuck = [read(slow, 60_000, stop.signal), read(slow, 60_000, stop.signal)];
  const waiting = read(pdf([{ lines: ['next'] }]));
  stop.abort(new Error('gone'));
  for (const each of stuck) await expect(each).rejects.toThrow('gone');
  expect((await waiting).text).toContain('next');
});

it('refuses more than a queue of files, and a file that waits can be aborted', async () => {
  // No timer of this clock runs by itself, so nothing ends but by the abort.
  const clock = virtualClock();
  const stop = new AbortController();
  const tiny: Job = { kind: 'heic', bytes: heic(16, 16, [0, 0, 0], [0, 0, 0]) };
  const many = Array.from({ length: 34 }, () => convert(tiny, 60_000, clock, stop.signal));
  await expect(convert(tiny, 60_000, clock, stop.signal)).rejects.toMatchObject({
    reason: 'busy',
    status: 503,
  });
  stop.abort(new Error('all gone'));
  const ends = await Promise.allSettled(many);
  expect(ends.every((end) => end.status === 'rejected')).toBe(true);
  await expect(read(pdf([{ lines: ['after'] }]))).resolves.toMatchObject({ images: [{}] });
});
