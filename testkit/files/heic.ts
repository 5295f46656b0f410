/**
 * A real HEIC picture without an encoder: one HEVC intra slice whose blocks are all raw samples (`pcm_flag`). Sources:
 * ITU-T H.265 §7.3 (syntax), §9.3 (CABAC); ISO/IEC 23008-12 and 14496-12 (container), 14496-15 §8.3 (hvcC).
 */

export interface HeicOptions {
  /** Major brand; default `heic`. */
  readonly brand?: string;
  /** What the container states (`ispe`), when it is to be a lie. */
  readonly stated?: readonly [width: number, height: number];
  /** Noise instead of colours: a picture that grows when it becomes a JPEG. */
  readonly noise?: boolean;
}

/** Y, Cb, Cr of a sample. */
type Colour = readonly [number, number, number];

const block = 16;
/**
 * `rangeTabLps[state][3]` of H.265 table 9-52 for the first states of the one context in use; every block moves it one on.
 */
const lps = [240, 227, 216, 205, 195, 185, 175, 166, 158, 150, 142, 135, 128, 122, 116, 110];

/** Left half `left`, right half `right`. Sides are multiples of 16, at most 16 blocks together. */
export function heic(
  width: number,
  height: number,
  left: Colour,
  right: Colour,
  options: HeicOptions = {},
): Buffer {
  const [across, down] = [width / block, height / block];
  if (!Number.isInteger(across) || !Number.isInteger(down) || across * down > lps.length)
    throw new RangeError(`${width}×${height} cannot be written`);
  const blocks = Array.from({ length: across * down }, (_, index) =>
    (index % across) * block < width / 2 ? left : right,
  );
  return container(
    parameterSets(width, height),
    nal(20, sliceOf(blocks, options.noise === true)),
    width,
    height,
    options,
  );
}

/** Bits to bytes, most significant first. */
class Bits {
  #text = '';
  u(bits: number, value: number): this {
    this.#text += value.toString(2).padStart(bits, '0');
    return this;
  }
  /** Exp-Golomb codes, unsigned. */
  ue(...values: readonly number[]): this {
    for (const value of values) {
      const code = (value + 1).toString(2);
      this.#text += '0'.repeat(code.length - 1) + code;
    }
    return this;
  }
  flags(text: string): this {
    this.#text += text;
    return this;
  }
  /** A one, then zeros to the next byte. */
  ended(): Buffer {
    const text = `${this.#text}1`;
    const bytes = text.padEnd(Math.ceil(text.length / 8) * 8, '0').match(/.{8}/g) ?? [];
    return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
  }
}

/** General profile 3 (Main Still Picture), compatible with 1–3, progressive frames, level 3.1. */
const profile = Buffer.from([0x03, 0x70, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93]);

function withProfile(bits: Bits): Bits {
  for (const byte of profile) bits.u(8, byte);
  return bits;
}

function parameterSets(width: number, height: number): Record<32 | 33 | 34, Buffer> {
  const vps = withProfile(new Bits().u(4, 0).flags('11').u(6, 0).u(3, 0).flags('1').u(16, 0xffff))
    .flags('1')
    .ue(0, 0, 0)
    .u(6, 0)
    .ue(0)
    .flags('00');
  const sps = withProfile(new Bits().u(4, 0).u(3, 0).flags('1'))
    // Id, 4:2:0, size, no cropping, 8 bits.
    .ue(0, 1, width, height)
    .flags('0')
    .ue(0, 0, 0)
    .flags('1')
    .ue(0, 0, 0)
    // Coding blocks of 16, transform blocks of 4 to 16.
    .ue(1, 0, 0, 2, 0, 0)
    // No scaling lists, asymmetric partitions or sample-adaptive offset; raw samples of 8 bits in blocks of 16.
    .flags('0001')
    .u(4, 7)
    .u(4, 7)
    .ue(1, 0)
    .flags('1')
    .ue(0)
    .flags('00000');
  const pps = new Bits()
    .ue(0, 0)
    .flags('00')
    .u(3, 0)
    .flags('00')
    .ue(0, 0, 0)
    .flags('000')
    .ue(0, 0)
    .flags('0000000')
    // Deblocking is off.
    .flags('101')
    .flags('00')
    .ue(0)
    .flags('00');
  return { 32: nal(32, vps.ended()), 33: nal(33, sps.ended()), 34: nal(34, pps.ended()) };
}

/**
 * Between the raw samples stands one arithmetic code word per block: "the slice goes on" (not before the first), "one
 * prediction block", "raw samples". The word is the bottom of the interval that is left, nine bits, the last one 1.
 */
function sliceOf(blocks: readonly Colour[], noise: boolean): Buffer {
  const header = new Bits().flags('10').ue(0, 2, 0);
  const word = (low: number) => {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE((low | 1) << 7);
    return bytes;
  };
  const data = blocks.flatMap(([y, cb, cr], index) => [
    word((index === 0 ? 510 : 508) - lps[index]! - 2),
    samples(block * block, y, noise),
    samples((block * block) / 4, cb, noise),
    samples((block * block) / 4, cr, noise),
  ]);
  return Buffer.concat([header.ended(), ...data, word(508)]);
}

function samples(count: number, value: number, noise: boolean): Buffer {
  return Buffer.from(
    Array.from({ length: count }, (_, at) => (noise ? ((at + 1) * 2_654_435_761) >>> 13 : value)),
  );
}

/** Header and payload with emulation prevention bytes. */
function nal(type: number, payload: Buffer): Buffer {
  const bytes = [type << 1, 1];
  for (const byte of payload) {
    if (byte <= 3 && bytes.at(-1) === 0 && bytes.at(-2) === 0) bytes.push(3);
    bytes.push(byte);
  }
  return Buffer.from(bytes);
}

function container(
  sets: Record<32 | 33 | 34, Buffer>,
  slice: Buffer,
  width: number,
  height: number,
  { brand = 'heic', stated = [width, height] }: HeicOptions,
): Buffer {
  const arrays = Object.entries(sets).map(([type, set]) =>
    Buffer.concat([Buffer.from([0x80 | Number(type)]), u16(1, set.length), set]),
  );
  const decoder = Buffer.concat([
    Buffer.from([1]),
    profile,
    Buffer.from([0xf0, 0, 0xfc, 0xfd, 0xf8, 0xf8, 0, 0, 0x0f, arrays.length]),
    ...arrays,
  ]);
  const item = Buffer.concat([u32(slice.length), slice]);
  const ftyp = box('ftyp', ascii(brand), u32(0), ascii('mif1'), ascii('heic'));
  const meta = (offset: number) =>
    full(
      'meta',
      0,
      full('hdlr', 0, u32(0), ascii('pict'), u32(0, 0, 0), Buffer.alloc(1)),
      full('pitm', 0, u16(1)),
      full('iloc', 0, Buffer.from([0x44, 0]), u16(1, 1, 0, 1), u32(offset, item.length)),
      full('iinf', 0, u16(1), full('infe', 2, u16(1, 0), ascii('hvc1'), Buffer.alloc(1))),
      box(
        'iprp',
        box('ipco', full('ispe', 0, u32(...stated)), box('hvcC', decoder)),
        full('ipma', 0, u32(1), u16(1), Buffer.from([2, 0x01, 0x82])),
      ),
    );
  return Buffer.concat([ftyp, meta(ftyp.length + meta(0).length + 8), box('mdat', item)]);
}

const ascii = (text: string) => Buffer.from(text, 'latin1');

function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => void bytes.writeUInt16BE(value, 2 * index));
  return bytes;
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => void bytes.writeUInt32BE(value, 4 * index));
  return bytes;
}

function box(type: string, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([u32(body.length + 8), ascii(type), body]);
}

function full(type: string, version: number, ...content: readonly Buffer[]): Buffer {
  return box(type, Buffer.from([version, 0, 0, 0]), ...content);
}
