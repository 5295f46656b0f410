/** Drawing surfaces for PDF pages, bounded together: a page may ask for any number of intermediate ones. */
import type { Canvas, SKRSContext2D } from '@napi-rs/canvas';

export type CanvasLibrary = typeof import('@napi-rs/canvas');

interface Surface {
  canvas: Canvas | null;
  context: SKRSContext2D | null;
}

/** The shape pdf.js expects of its `CanvasFactory` option. */
export interface CanvasFactory {
  create(width: number, height: number): Surface;
  reset(surface: Surface, width: number, height: number): void;
  destroy(surface: Surface): void;
  getNoAlphaContext(canvas: Canvas): SKRSContext2D;
}

/** A class whose surfaces together never hold more than `maxPixels`; beyond that drawing the page fails. */
export function canvasFactory({ createCanvas }: CanvasLibrary, maxPixels: number): new () => CanvasFactory {
  let held = 0;
  const hold = (pixels: number) => {
    if (held + pixels > maxPixels) throw new RangeError('the page needs too many drawing surfaces');
    held += pixels;
  };
  const sizeOf = (canvas: Canvas | null) => (canvas === null ? 0 : canvas.width * canvas.height);
  return class implements CanvasFactory {
    create(width: number, height: number): Surface {
      if (!(width > 0 && height > 0)) throw new RangeError('a drawing surface without extent');
      hold(Math.ceil(width) * Math.ceil(height));
      const canvas = createCanvas(width, height);
      return { canvas, context: canvas.getContext('2d') };
    }

    reset(surface: Surface, width: number, height: number): void {
      if (surface.canvas === null || !(width > 0 && height > 0))
        throw new RangeError('a drawing surface without extent');
      held -= sizeOf(surface.canvas);
      hold(Math.ceil(width) * Math.ceil(height));
      surface.canvas.width = width;
      surface.canvas.height = height;
    }

    destroy(surface: Surface): void {
      if (surface.canvas === null) return;
      held -= sizeOf(surface.canvas);
      surface.canvas.width = 0;
      surface.canvas.height = 0;
      surface.canvas = null;
      surface.context = null;
    }

    getNoAlphaContext(canvas: Canvas): SKRSContext2D {
      return canvas.getContext('2d', { alpha: false });
    }
  };
}
