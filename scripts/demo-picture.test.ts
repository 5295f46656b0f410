import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { demoOutput, draw, picture, shownCommand, wrap } from './demo-picture.ts';

describe('the picture of the demo', () => {
  it('shows what the demo prints today; `node scripts/demo-picture.ts` draws it again', async () => {
    expect(readFileSync(picture, 'utf8')).toBe(draw(await demoOutput(), shownCommand));
  }, 60_000);

  it('needs nothing outside of itself', () => {
    const svg = readFileSync(picture, 'utf8').replace('http://www.w3.org/2000/svg', '');
    expect(svg).not.toMatch(/https?:|<script|<image|@import|url\(/);
  });

  it('shows markup as text', () => {
    const svg = draw('Title\n\nYou     <b>&\nHermes  fine', 'run');
    expect(svg).toContain('>&lt;b&gt;&amp;</text>');
    expect(svg).not.toContain('<b>');
  });

  it('breaks lines without losing or adding anything but spaces', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 80 }),
        fc.integer({ min: 1, max: 20 }),
        (text, width) => {
          const oneLine = text.replace(/[\n\r\u2028\u2029]/g, '');
          const lines = wrap(oneLine, width);
          expect(lines.join('').replaceAll(' ', '')).toBe(oneLine.replaceAll(' ', ''));
          for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});
