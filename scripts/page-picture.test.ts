import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { largest, picture } from './page-picture.ts';

test('the picture of the page is a PNG that loads fast', () => {
  const bytes = readFileSync(picture);
  expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG');
  expect(bytes.length).toBeLessThan(largest);
});
