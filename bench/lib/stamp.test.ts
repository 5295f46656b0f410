import { expect, test } from 'vitest';
import { readStamps, stamp } from './stamp.ts';

test('stamps are found in any text and in any pieces', () => {
  const before = Number(process.hrtime.bigint()) / 1e6;
  const text = `data: {"content":"${stamp()}"}\n\ndata: {"content":"${stamp()}"}\n\n`;
  for (let cut = 0; cut <= text.length; cut += 1) {
    const first = readStamps(text.slice(0, cut));
    const second = readStamps(first.rest + text.slice(cut));
    const stamps = [...first.stamps, ...second.stamps];
    expect(stamps).toEqual(readStamps(text).stamps);
    expect(stamps).toHaveLength(2);
    expect(stamps[1]).toBeGreaterThanOrEqual(stamps[0] ?? Number.POSITIVE_INFINITY);
    expect(stamps[0]).toBeGreaterThanOrEqual(before);
  }
  expect(readStamps('nobody@example.org').stamps).toEqual([]);
});
