import fc from 'fast-check';
import { expect, it } from 'vitest';
import { heic } from '../../testkit/files/heic.ts';
import { type PictureType, picture } from '../../testkit/files/pictures.ts';
import { dimensionsOf } from './dimensions.ts';
import { sniff } from './mime.ts';

const black = [16, 128, 128] as const;

it.each<PictureType>(['png', 'jpeg', 'gif', 'webp'])(
  'reads the size of a %s as it was drawn',
  async (type) => {
    for (const [width, height] of [
      [1, 1],
      [33, 7],
      [300, 1_000],
    ] as const)
      expect(dimensionsOf(await picture(type, width, height), `image/${type}`)).toEqual({ width, height });
  },
);

it('reads the size of all kinds of WebP', () => {
  const chunk = (kind: string, ...body: number[]) =>
    Buffer.from([...Buffer.from(`RIFF....WEBP${kind}....`), ...body]);
  expect(dimensionsOf(chunk('VP8 ', 0, 0, 0, 0x9d, 1, 0x2a, 0x20, 0x40, 0x18, 0x00), 'image/webp')).toEqual({
    width: 32,
    height: 24,
  });
  expect(dimensionsOf(chunk('VP8L', 0x2f, 0x1f, 0xc0, 0x05, 0x00), 'image/webp')).toEqual({
    width: 32,
    height: 24,
  });
  expect(dimensionsOf(chunk('VP8X', 0, 0, 0, 0, 31, 0, 0, 23, 0, 0), 'image/webp')).toEqual({
    width: 32,
    height: 24,
  });
});

it('of a HEIC picture the largest stated size counts', () => {
  const bytes = heic(32, 16, black, black, { stated: [4_000, 3_000] });
  expect(dimensionsOf(bytes, 'image/heic')).toEqual({ width: 4_000, height: 3_000 });
});

it('a JPEG may have fill bytes and other segments before its size', async () => {
  const jpeg = await picture('jpeg', 33, 7);
  const comment = Buffer.from([0xff, 0xff, 0xff, 0xfe, 0, 5, 1, 2, 3]);
  const longer = Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]);
  expect(dimensionsOf(longer, 'image/jpeg')).toEqual({ width: 33, height: 7 });
});

it('damage and any cut give no size or some size, never an error or an endless walk', async () => {
  const samples: [string, Buffer][] = [
    ['image/heic', heic(32, 16, black, black)],
    ['image/png', await picture('png')],
    ['image/jpeg', await picture('jpeg')],
    ['image/gif', await picture('gif')],
    ['image/webp', await picture('webp')],
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 8 }),
      fc.nat(1_000),
      async ([mime, sample], damage, end) => {
        const bytes = Buffer.from(sample.subarray(0, end));
        for (const [at, value] of damage) if (at < bytes.length) bytes[at] = value;
        await sniff(bytes);
        const found = dimensionsOf(bytes, mime);
        expect(found === undefined || found.width * found.height > 0).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});

it('a type without a reader has no size', () => {
  expect(dimensionsOf(Buffer.alloc(100), 'image/tiff')).toBeUndefined();
});
