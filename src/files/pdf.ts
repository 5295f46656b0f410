/** Text of a PDF, and its pages as pictures when there is little text; runs in the conversion thread. */
import { fileURLToPath } from 'node:url';
import type { Canvas } from '@napi-rs/canvas';
import type { PDFDocumentProxy, PDFPageProxy } from 'pdfjs-dist';
import { type CanvasLibrary, canvasFactory } from './canvas.ts';
import type { Converted, PdfJob, Picture } from './job.ts';
import { refuse } from './refusal.ts';

/** Of one picture inside the document; larger ones stay blank. An A4 page at 600 dpi has 35 million pixels. */
const maxInnerPixels = 36_000_000;
const smallestScale = 0.1;
const jpegQuality = 85;

export async function readPdf(job: PdfJob): Promise<Converted> {
  const document = await open(job);
  const pages: PDFPageProxy[] = [];
  for (let number = 1; number <= Math.min(document.numPages, job.maxPages); number++) {
    pages.push(await document.getPage(number).catch((error: unknown) => unreadable(error)));
  }
  const text = await textOf(pages, job.maxChars);
  if (text.trim().length >= job.minTextChars) return { text, images: [] };
  return { text, images: await pictures(pages, job) };
}

async function open(job: PdfJob): Promise<PDFDocumentProxy> {
  // Named at run time: the library finds its own worker, fonts and tables beside itself, so it is not bundled.
  const address = import.meta.resolve('pdfjs-dist/legacy/build/pdf.mjs');
  const { getDocument, VerbosityLevel }: typeof import('pdfjs-dist') = await import(address);
  const beside = (folder: string) => fileURLToPath(new URL(`../../${folder}/`, address));
  const canvas = await canvasLibrary();
  const loading = getDocument({
    data: job.bytes,
    verbosity: VerbosityLevel.ERRORS,
    standardFontDataUrl: beside('standard_fonts'),
    cMapUrl: beside('cmaps'),
    iccUrl: beside('iccs'),
    wasmUrl: beside('wasm'),
    maxImageSize: maxInnerPixels,
    canvasMaxAreaInBytes: maxInnerPixels * 4,
    enableXfa: false,
    ...(canvas === undefined ? {} : { CanvasFactory: canvasFactory(canvas, surfacePixels(job)) }),
  });
  return loading.promise.catch((error: unknown) => unreadable(error));
}

/** One inner picture at its full size and some layers of the page. */
const surfacePixels = (job: PdfJob) => maxInnerPixels + 8 * job.maxPixels;

function unreadable(error: unknown): never {
  const name = error instanceof Error ? error.name : '';
  if (name === 'PasswordException') refuse('unreadable_pdf', 'the PDF is protected by a password', error);
  return refuse('unreadable_pdf', 'the PDF is damaged', error);
}

/** Items joined by a space, pages by a blank line (openclaw-http §10.7); stops reading at `maxChars`. */
async function textOf(pages: readonly PDFPageProxy[], maxChars: number): Promise<string> {
  const texts: string[] = [];
  let left = maxChars;
  for (const page of pages) {
    if (left <= 0) break;
    const text = await pageText(page, left);
    texts.push(text);
    left -= text.length + 2;
  }
  return texts.join('\n\n');
}

async function pageText(page: PDFPageProxy, maxChars: number): Promise<string> {
  const items: string[] = [];
  let length = 0;
  const reader: ReadableStreamDefaultReader<{ items: readonly object[] }> = page
    .streamTextContent()
    .getReader();
  try {
    while (length <= maxChars) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const item of value.items) {
        if (!('str' in item) || typeof item.str !== 'string') continue;
        items.push(item.str);
        length += item.str.length + 1;
      }
    }
  } catch {
    // A damaged page has no more text than what was read.
  }
  // A stream left in the middle is not cancelled: pdf.js would throw where nobody can catch it. It stands still by
  // back-pressure until the thread ends.
  return items.join(' ');
}

/** The native part may be missing on a platform; a PDF is then its text. */
async function canvasLibrary(): Promise<CanvasLibrary | undefined> {
  try {
    const library: CanvasLibrary = await import(import.meta.resolve('@napi-rs/canvas'));
    return library;
  } catch {
    return undefined;
  }
}

/** Pages that cannot be drawn, or not within the limits, are left out. */
async function pictures(pages: readonly PDFPageProxy[], job: PdfJob): Promise<Picture[]> {
  const library = await canvasLibrary();
  if (library === undefined) return [];
  const found: Picture[] = [];
  for (const page of pages) {
    const canvas = await draw(library, page, job.maxPixels).catch(() => undefined);
    const picture = canvas === undefined ? undefined : await encode(canvas, job.maxImageBytes);
    if (picture !== undefined) found.push(picture);
  }
  return found;
}

async function draw(
  library: CanvasLibrary,
  page: PDFPageProxy,
  maxPixels: number,
): Promise<Canvas | undefined> {
  const natural = page.getViewport({ scale: 1 });
  const scale = Math.max(smallestScale, Math.min(1, Math.sqrt(maxPixels / (natural.width * natural.height))));
  const viewport = page.getViewport({ scale });
  const [width, height] = [Math.floor(viewport.width), Math.floor(viewport.height)];
  // A page of kilometres is too large even at the smallest scale.
  if (!(width > 0 && height > 0 && width * height <= maxPixels)) return undefined;
  const canvas = library.createCanvas(width, height);
  await page.render({ canvas: canvas as never, viewport }).promise;
  return canvas;
}

/** PNG; a page that would be too many bytes as PNG becomes JPEG. */
async function encode(canvas: Canvas, maxBytes: number): Promise<Picture | undefined> {
  const png = await canvas.encode('png');
  if (png.length <= maxBytes) return { mime: 'image/png', bytes: new Uint8Array(png) };
  const jpeg = await canvas.encode('jpeg', jpegQuality);
  return jpeg.length <= maxBytes ? { mime: 'image/jpeg', bytes: new Uint8Array(jpeg) } : undefined;
}
