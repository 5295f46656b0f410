import { setTimeout as sleep } from 'node:timers/promises';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { expect, it } from 'vitest';
import { heic } from '../../testkit/files/heic.ts';
import { firstExtra, pdf, stream } from '../../testkit/files/pdf.ts';
import { type PictureType, picture } from '../../testkit/files/pictures.ts';
import type { ImagePart } from './files.ts';
import { openFiles } from './files.ts';
import { chatLimits, responsesLimits } from './limits.ts';
import { data, forever, open, url } from './testing.ts';

const bytesOf = (part: ImagePart) => Buffer.from(part.image_url.url.split(',')[1]!, 'base64');
const typeOf = (part: ImagePart) => /^data:([^;]+);base64,/.exec(part.image_url.url)?.[1];
const words = (count: number) => Array.from({ length: count }, () => 'twelve words of the gateway');

it.each<PictureType>(['png', 'jpeg', 'gif', 'webp'])('passes a %s on byte for byte', async (type) => {
  const bytes = await picture(type);
  const part = await open().image(data(bytes, `image/${type}`), forever);
  expect(typeOf(part)).toBe(`image/${type}`);
  expect(bytesOf(part)).toEqual(bytes);
});

it('reads data URLs with parameters, and takes one without a type for PNG', async () => {
  const base64 = (await picture('png')).toString('base64');
  const files = open();
  for (const head of ['image/png;charset=utf-8;base64', 'image/png;base64', ';base64', 'IMAGE/PNG;BASE64']) {
    const part = await files.image(url(`data:${head},${base64}`), forever);
    expect(part.image_url.url).toBe(`data:image/png;base64,${base64}`);
  }
});

it('data URLs are taken where downloads are not', async () => {
  const files = openFiles(chatLimits);
  const base64 = (await picture('png')).toString('base64');
  await expect(files.image(url(`data:image/png;base64,${base64}`), forever)).resolves.toBeDefined();
  await expect(files.image(url('https://example.com/a.png'), forever)).rejects.toMatchObject({
    reason: 'urls_disabled',
  });
});

it('names a picture by its content, whatever allowed type was claimed', async () => {
  const part = await open().image(data(await picture('jpeg'), 'image/png'), forever);
  expect(typeOf(part)).toBe('image/jpeg');
});

it('refuses what is not an allowed picture, by claim and by content', async () => {
  const files = open({ images: { allowedMimes: ['image/png', 'image/jpeg'] } });
  const refusals = [
    [data(pdf([]), 'image/png'), 'type_mismatch'],
    [data('just words', 'image/png'), 'unreadable_image'],
    [data('<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml'), 'type_not_allowed'],
    [data('<svg xmlns="http://www.w3.org/2000/svg"/>', 'image/png'), 'unreadable_image'],
    [data(await picture('avif'), 'image/png'), 'type_not_allowed'],
    [data(await picture('gif'), 'image/gif'), 'type_not_allowed'],
    [data(await picture('gif'), 'image/png'), 'type_not_allowed'],
    [data(await picture('png'), 'application/octet-stream'), 'type_not_allowed'],
    [data(await picture('png'), 'nonsense'), 'type_not_allowed'],
    [data((await picture('png')).subarray(0, 20), 'image/png'), 'unreadable_image'],
  ] as const;
  for (const [source, reason] of refusals)
    await expect(files.image(source, forever), reason).rejects.toMatchObject({
      code: 'FILE_REFUSED',
      status: 400,
      reason,
    });
});

it('an empty list of types means the documented one, and blank hosts mean nothing', async () => {
  const files = open({ images: { allowedMimes: [], urlAllowlist: ['', ' '] } });
  await expect(files.image(data(await picture('webp'), 'image/webp'), forever)).resolves.toBeDefined();
});

it('an allow-list entry that is no host is refused when the endpoint is set up', () => {
  expect(() => open({ images: { urlAllowlist: ['https://a b'] } })).toThrow('not a host');
});

it('turns HEIC and HEIF into JPEG of the same picture', async () => {
  const [blue, red] = [
    [41, 240, 110],
    [82, 90, 240],
  ] as const;
  const files = open();
  for (const [brand, mime] of [
    ['heic', 'image/heic'],
    ['mif1', 'image/heif'],
    ['heic', 'image/jpeg'],
  ] as const) {
    const part = await files.image(data(heic(64, 48, blue, red, { brand }), mime), forever);
    expect(typeOf(part)).toBe('image/jpeg');
    const image = await loadImage(bytesOf(part));
    expect([image.width, image.height]).toEqual([64, 48]);
    const context = createCanvas(64, 48).getContext('2d');
    context.drawImage(image, 0, 0);
    const left = context.getImageData(8, 24, 1, 1).data;
    const right = context.getImageData(56, 24, 1, 1).data;
    expect(left[2]! > 240 && left[0]! < 15 && right[0]! > 240 && right[2]! < 15).toBe(true);
  }
});

it('judges the JPEG of a HEIC picture by the limit, too', async () => {
  const bytes = heic(64, 64, [0, 0, 0], [0, 0, 0], { noise: true });
  const jpeg = bytesOf(await open().image(data(bytes, 'image/heic'), forever));
  expect(jpeg.length).toBeGreaterThan(bytes.length);
  const files = open({ images: { maxBytes: bytes.length } });
  await expect(files.image(data(bytes, 'image/heic'), forever)).rejects.toMatchObject({
    reason: 'too_large',
  });
});

it('refuses pictures of too many pixels before it decodes them', async () => {
  const stated = [60_000, 60_000] as const;
  const files = open();
  await expect(
    files.image(data(heic(16, 16, [0, 0, 0], [0, 0, 0], { stated }), 'image/heic'), forever),
  ).rejects.toMatchObject({ reason: 'too_many_pixels', status: 413 });
  const png = await picture('png');
  png.writeUInt32BE(60_000, 16);
  png.writeUInt32BE(60_000, 20);
  await expect(files.image(data(png, 'image/png'), forever)).rejects.toMatchObject({
    reason: 'too_many_pixels',
  });
});

it('a damaged HEIC picture is refused, not an error of ours', async () => {
  const bytes = heic(16, 16, [41, 240, 110], [82, 90, 240]);
  bytes.fill(0xff, bytes.indexOf('hvcC') + 4, bytes.indexOf('hvcC') + 60);
  await expect(open().image(data(bytes, 'image/heic'), forever)).rejects.toMatchObject({
    reason: 'unreadable_image',
  });
});

it('fences a text file and names it', async () => {
  const { text, images } = await open().file(data('Hello World!', 'text/plain', 'hello.txt'), forever);
  expect(images).toEqual([]);
  expect(text).toMatch(
    /^<file name="hello\.txt">\n<<<EXTERNAL_UNTRUSTED_CONTENT id="([0-9a-f]{16})">>>\nSource: External\n---\nHello World!\n<<<END_EXTERNAL_UNTRUSTED_CONTENT id="\1">>>\n<\/file>$/,
  );
});

it('every file is fenced with an id of its own', async () => {
  const files = open();
  const first = await files.file(data('a', 'text/plain'), forever);
  const second = await files.file(data('a', 'text/plain'), forever);
  expect(first.text).not.toBe(second.text);
});

it.each(['text/plain', 'text/markdown', 'text/html', 'text/csv', 'application/json'])(
  'takes %s, in the charset it declares',
  async (mime) => {
    const { text } = await open().file(
      data(Buffer.from('caf\xe9', 'latin1'), `${mime}; charset=iso-8859-1`),
      forever,
    );
    expect(text).toContain('\ncafé\n');
  },
);

it('refuses files whose claim is missing, not allowed or not true', async () => {
  const files = open();
  const refusals = [
    [data('a'), 'type_missing'],
    [data('a', 'application/zip'), 'type_not_allowed'],
    [data('a', 'application/octet-stream'), 'type_not_allowed'],
    [data(await picture('png'), 'text/plain'), 'type_mismatch'],
    [data(await picture('png'), 'text/plain; charset=utf-16le'), 'type_mismatch'],
    [data(pdf([{ lines: ['a'] }]), 'text/plain'), 'type_mismatch'],
    [data('just words', 'application/pdf'), 'type_mismatch'],
    [data('nul\0byte', 'text/csv'), 'type_mismatch'],
  ] as const;
  for (const [source, reason] of refusals)
    await expect(files.file(source, forever), reason).rejects.toMatchObject({ reason });
});

it('says which type it found instead', async () => {
  await expect(open().file(data(await picture('png'), 'text/plain'), forever)).rejects.toThrow('image/png');
});

it('cuts text at maxChars and says so by nothing but the cut', async () => {
  const { text } = await open({ files: { maxChars: 5 } }).file(data('1234😀6', 'text/plain'), forever);
  expect(text).toContain('---\n1234\n<<<END');
});

it('a PDF with enough text is text alone', async () => {
  const bytes = pdf([{ lines: words(6) }, { lines: words(6) }]);
  const { text, images } = await open().file(data(bytes, 'application/pdf', 'a.pdf'), forever);
  expect(images).toEqual([]);
  expect(text).toContain(`${words(6).join(' ')}\n\n${words(6).join(' ')}`);
});

it('a PDF with little text comes with its pages as PNG, together with the text', async () => {
  const bytes = pdf([{ lines: ['Invoice 7'] }, { content: '1 0 0 rg 0 0 298 420 re f' }]);
  const { text, images } = await open().file(data(bytes, 'application/pdf'), forever);
  expect(text).toContain('Invoice 7');
  expect(images.map(typeOf)).toEqual(['image/png', 'image/png']);
  const second = await loadImage(bytesOf(images[1]!));
  expect([second.width, second.height]).toEqual([298, 420]);
  const context = createCanvas(298, 420).getContext('2d');
  context.drawImage(second, 0, 0);
  expect([...context.getImageData(150, 200, 1, 1).data]).toEqual([255, 0, 0, 255]);
});

it('a scanned PDF is a note and its pictures', async () => {
  const scan = stream(
    Buffer.alloc(20 * 20, 128),
    '/Type /XObject /Subtype /Image /Width 20 /Height 20 /BitsPerComponent 8 /ColorSpace /DeviceGray',
  );
  const page = {
    content: 'q 298 0 0 420 0 0 cm /P Do Q',
    resources: `/XObject << /P ${firstExtra(1)} 0 R >>`,
  };
  const { text, images } = await open().file(
    data(pdf([page], { extra: [scan] }), 'application/pdf', 'scan.pdf'),
    forever,
  );
  expect(text).toBe('<file name="scan.pdf">[PDF content rendered to images]</file>');
  expect(images).toHaveLength(1);
});

it('reads as many pages as it may, and draws them within the pixels it may', async () => {
  const page = { lines: ['page'], size: [400, 400] as const };
  const files = open({ files: { pdf: { maxPages: 2, maxPixels: 40_000, minTextChars: 200 } } });
  const { text, images } = await files.file(data(pdf([page, page, page]), 'application/pdf'), forever);
  expect(text.match(/page/g)).toHaveLength(2);
  const sizes = await Promise.all(images.map((image) => loadImage(bytesOf(image))));
  expect(sizes.map(({ width, height }) => [width, height])).toEqual([
    [200, 200],
    [200, 200],
  ]);
});

it('a page of kilometres is not drawn; its text stays', async () => {
  const bytes = pdf([{ lines: ['far'], size: [1_000_000, 1_000_000] }]);
  const { text, images } = await open().file(data(bytes, 'application/pdf'), forever);
  expect(images).toEqual([]);
  expect(text).toContain('far');
});

it('says so when a PDF holds nothing', async () => {
  const files = open({ files: { pdf: { maxPages: 4, maxPixels: 1, minTextChars: 200 } } });
  const { text } = await files.file(data(pdf([{ lines: [] }]), 'application/pdf'), forever);
  expect(text).toBe('<file name="file">[No extractable text]</file>');
});

it('counts parts, URLs and bytes of a request together', async () => {
  const request = { maxImageParts: 1, maxFileParts: 2, maxUrlParts: 0, maxTotalBytes: 10_000 };
  const files = open({ request });
  const png = data(await picture('png'), 'image/png');
  await files.image(png, forever);
  await expect(files.image(png, forever)).rejects.toMatchObject({ reason: 'too_many_parts' });
  await expect(files.file(url('https://example.com/a.txt'), forever)).rejects.toMatchObject({
    reason: 'too_many_parts',
  });
  await expect(files.file(data('x'.repeat(9_999), 'text/plain'), forever)).rejects.toMatchObject({
    reason: 'too_large',
    status: 413,
  });
});

it('judges the size of base64 by its length, without decoding it', async () => {
  const files = open({ files: { maxBytes: 3 } });
  await expect(files.file(data('abc', 'text/plain'), forever)).resolves.toBeDefined();
  await expect(
    files.file({ kind: 'data', base64: '!'.repeat(1_000), mime: 'text/plain' }, forever),
  ).rejects.toMatchObject({ reason: 'too_large' });
});

it('an aborted request ends with the reason it was aborted for', async () => {
  const files = open();
  const stop = new AbortController();
  const reading = files.file(data(pdf([{ lines: ['a'] }]), 'application/pdf'), stop.signal);
  await sleep(20);
  stop.abort(new Error('client went away'));
  await expect(reading).rejects.toThrow('client went away');
});

it('the documented defaults', () => {
  expect(responsesLimits.files).toMatchObject({ maxBytes: 5_242_880, maxChars: 200_000, maxRedirects: 3 });
  expect(responsesLimits.images).toMatchObject({ allowUrl: true, maxBytes: 10_485_760, timeoutMs: 10_000 });
  expect(chatLimits).toMatchObject({
    images: { allowUrl: false },
    request: { maxImageParts: 8, maxTotalBytes: 20_971_520 },
  });
});
