/** Small PDFs written by hand (ISO 32000-1 §7.5), sound ones and hostile ones. */
import { deflateSync } from 'node:zlib';

export interface PdfPage {
  /** One line of Helvetica each. */
  readonly lines?: readonly string[];
  /** Drawing operators instead of lines. */
  readonly content?: string | Uint8Array;
  /** In points; default A6. */
  readonly size?: readonly [width: number, height: number];
  /** Entries of the page's resources besides the font, e.g. `/XObject << /P 9 0 R >>`. */
  readonly resources?: string;
}

export interface PdfOptions {
  /** `/Count` of the page tree, when it is to be a lie. */
  readonly count?: number;
  /** Objects after all others, numbered from `firstExtra(pages)`. */
  readonly extra?: readonly (string | Uint8Array)[];
  /** Entries of the trailer, e.g. `/Encrypt …`. */
  readonly trailer?: string;
}

/** Objects 1–3 are catalogue, page tree and font; each page takes two. */
export const firstExtra = (pages: number): number => 4 + 2 * pages;

export function pdf(pages: readonly PdfPage[], options: PdfOptions = {}): Buffer {
  const kids = pages.map((_, index) => `${4 + 2 * index} 0 R`).join(' ');
  const objects: (string | Uint8Array)[] = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${options.count ?? pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
  ];
  pages.forEach((page, index) => {
    const [width, height] = page.size ?? [298, 420];
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${width} ${height}] /Contents ${5 + 2 * index} 0 R ` +
        `/Resources << /Font << /F 3 0 R >> ${page.resources ?? ''} >> >>`,
      stream(page.content ?? shown(page.lines ?? []), '', typeof page.content === 'string'),
    );
  });
  return assembled([...objects, ...(options.extra ?? [])], options.trailer ?? '');
}

/** A stream object with its dictionary; compressed unless `plain`. */
export function stream(data: string | Uint8Array, entries: string, plain = false): Uint8Array {
  const raw = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  const bytes = plain ? raw : deflateSync(raw);
  const filter = plain ? '' : '/Filter /FlateDecode';
  return Buffer.concat([
    Buffer.from(`<< ${entries} ${filter} /Length ${bytes.length} >>\nstream\n`, 'latin1'),
    bytes,
    Buffer.from('\nendstream', 'latin1'),
  ]);
}

function shown(lines: readonly string[]): string {
  const texts = lines.map((line) => `(${line.replace(/[\\()]/g, '\\$&')}) Tj T*`);
  return `BT /F 12 Tf 14 TL 20 380 Td ${texts.join(' ')} ET`;
}

function assembled(objects: readonly (string | Uint8Array)[], trailer: string): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1')];
  const offsets: number[] = [];
  let at = parts[0]!.length;
  const add = (part: Buffer) => {
    parts.push(part);
    at += part.length;
  };
  objects.forEach((object, index) => {
    offsets.push(at);
    add(Buffer.from(`${index + 1} 0 obj\n`));
    add(typeof object === 'string' ? Buffer.from(object, 'latin1') : Buffer.from(object));
    add(Buffer.from('\nendobj\n'));
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const start = at;
  add(Buffer.from(`xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}`));
  add(
    Buffer.from(
      `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${start}\n%%EOF\n`,
      'latin1',
    ),
  );
  return Buffer.concat(parts);
}
