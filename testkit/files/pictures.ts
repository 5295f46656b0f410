/** Pictures for tests, drawn where they are needed. */
import { createCanvas } from '@napi-rs/canvas';

export type PictureType = 'png' | 'jpeg' | 'webp' | 'gif' | 'avif';

/** Left half blue, right half red. */
export async function picture(type: PictureType, width = 32, height = 24): Promise<Buffer> {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext('2d');
  context.fillStyle = 'red';
  context.fillRect(0, 0, width, height);
  context.fillStyle = 'blue';
  context.fillRect(0, 0, width / 2, height);
  switch (type) {
    case 'png':
      return canvas.encode('png');
    case 'avif':
      return canvas.encode('avif');
    case 'gif':
      return canvas.encode('gif');
    default:
      return canvas.encode(type);
  }
}
