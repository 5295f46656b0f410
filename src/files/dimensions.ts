/**
 * Width and height as a picture's header states them: the check before anything is decoded. Sources: PNG (ISO/IEC
 * 15948 §11.2.2), GIF89a §18, JPEG (ITU-T T.81 §B.2.2), WebP container specification, ISO/IEC 14496-12 and 23008-12.
 */

export interface Dimensions {
  readonly width: number;
  readonly height: number;
}

type Reader = (bytes: Buffer) => Dimensions | undefined;

const readers: Readonly<Record<string, Reader>> = {
  'image/png': (bytes) => ({ width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }),
  'image/gif': (bytes) => ({ width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }),
  'image/jpeg': jpeg,
  'image/webp': webp,
  'image/heic': heif,
  'image/heif': heif,
};

/** Undefined when the header is cut short, damaged or of another type. */
export function dimensionsOf(bytes: Uint8Array, mime: string): Dimensions | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const found = readers[mime]?.(view);
    return found !== undefined && found.width > 0 && found.height > 0 ? found : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Segments up to the first frame header (SOF0–SOF15 without DHT, JPG and DAC). */
function jpeg(bytes: Buffer): Dimensions | undefined {
  let at = 2;
  for (;;) {
    if (bytes.readUInt8(at) !== 0xff) return undefined;
    const kind = bytes.readUInt8(at + 1);
    if (kind === 0xff) {
      at += 1;
      continue;
    }
    if (kind === 0x01 || (kind >= 0xd0 && kind <= 0xd7)) {
      at += 2;
      continue;
    }
    if (kind >= 0xc0 && kind <= 0xcf && kind !== 0xc4 && kind !== 0xc8 && kind !== 0xcc)
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    if (kind === 0xd9 || kind === 0xda) return undefined;
    at += 2 + Math.max(2, bytes.readUInt16BE(at + 2));
  }
}

function webp(bytes: Buffer): Dimensions | undefined {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    default:
      return undefined;
  }
}

/** The largest `ispe` property of any item: tiles, thumbnails and the whole picture have one each. */
function heif(bytes: Buffer): Dimensions | undefined {
  let largest: Dimensions | undefined;
  // `meta` starts with version and flags, four bytes.
  for (const meta of boxes(bytes, 'meta')) {
    for (const properties of boxes(meta.subarray(4), 'iprp')) {
      for (const container of boxes(properties, 'ipco')) {
        for (const ispe of boxes(container, 'ispe')) {
          const [width, height] = [ispe.readUInt32BE(4), ispe.readUInt32BE(8)];
          if (largest === undefined || width * height > largest.width * largest.height)
            largest = { width, height };
        }
      }
    }
  }
  return largest;
}

/** Contents of the boxes of one type, in order. A box that ends beyond its parent is damaged: it ends the walk. */
function* boxes(bytes: Buffer, type: string): Generator<Buffer> {
  let at = 0;
  while (at + 8 <= bytes.length) {
    let [size, header] = [bytes.readUInt32BE(at), 8];
    if (size === 0) size = bytes.length - at;
    if (size === 1) {
      size = Number(bytes.readBigUInt64BE(at + 8));
      header = 16;
    }
    if (size < header || at + size > bytes.length) return;
    if (bytes.toString('latin1', at + 4, at + 8) === type) yield bytes.subarray(at + header, at + size);
    at += size;
  }
}
