import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { passes } from './filters.ts';

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'filters-'));
  writeFileSync(join(home, 'list.json'), '["ada", 7]');
  writeFileSync(join(home, 'keys.json'), '{"ada": 1}');
  writeFileSync(join(home, 'lines.txt'), 'ada\n 7 \n\n');
});
afterAll(() => rmSync(home, { recursive: true }));

const payload = {
  action: 'opened',
  n: 7,
  nothing: null,
  user: { login: 'ada', tags: ['a', 'b'] },
  list: [{ id: 1 }, { id: 2 }],
};
const check = (filters: unknown, given: unknown = payload) =>
  passes(filters, {
    payload: given,
    event: 'push',
    headers: new Map([['x-kind', 'one']]),
    home,
  });

describe('a filter', () => {
  const matching: readonly object[] = [
    { field: 'action', exists: true },
    { field: 'missing', exists: false },
    { field: 'missing', missing: true },
    { field: 'nothing', exists: true },
    { field: 'action', equals: 'opened' },
    { field: 'user', equals: { login: 'ada', tags: ['a', 'b'] } },
    { field: 'action', not_equals: 'closed' },
    { field: 'missing', not_equals: 'closed' },
    { field: 'user.tags', contains: 'b' },
    { field: 'user', contains: 'login' },
    { field: 'action', contains: 'pen' },
    { field: 'n', contains: '7' },
    { field: 'n', in: [1, 7] },
    { field: 'user.login', in_file: '~/.hermes/list.json' },
    { field: 'user.login', in_file: '~/.hermes/keys.json' },
    { field: 'n', in_file: '~/.hermes/lines.txt' },
    { field: 'action', regex: '^open' },
    { field: 'action', regex: '(?i)OPEN' },
    { field: 'list.1.id', equals: 2 },
    { field: 'payload.action', equals: 'opened' },
    { field: 'event', equals: 'push' },
    { field: 'headers.X-Kind', equals: 'one' },
    { field: 'action', equals: 'opened', contains: 'o' },
    {
      all: [
        { field: 'n', equals: 7 },
        { field: 'action', exists: true },
      ],
    },
    {
      any: [
        { field: 'n', equals: 8 },
        { field: 'n', equals: 7 },
      ],
    },
    { not: { field: 'n', equals: 8 } },
  ];
  for (const filter of matching)
    it(`lets through: ${JSON.stringify(filter)}`, async () => {
      expect(await check(filter)).toBe(true);
      expect(await check([filter, { field: 'n', exists: true }])).toBe(true);
      expect(await check({ not: filter })).toBe(false);
    });

  const strange: readonly unknown[] = [
    'text',
    5,
    {},
    { field: 'action' },
    { field: 5, equals: 1 },
    { all: 'action' },
    { all: [{ field: 'action' }] },
    { any: [{ field: 'n', equals: 7 }, 'text'] },
    { not: { field: 'action' } },
    { field: 'action', regex: '(' },
    { field: 'action', regex: 5 },
    { field: 'action', in_file: '~/.hermes/none' },
    { field: 'n', bigger: 5 },
  ];
  for (const filter of strange)
    it(`that cannot be understood lets nothing through: ${JSON.stringify(filter)}`, async () => {
      expect(await check(filter)).toBe(false);
      expect(await check([{ field: 'n', equals: 7 }, filter])).toBe(false);
    });

  it('that is absent lets everything through', async () => {
    for (const none of [undefined, null, []]) expect(await check(none)).toBe(true);
  });

  it('reads the field named payload where there is one', async () => {
    expect(await check({ field: 'payload.a', equals: 1 }, { payload: { a: 1 } })).toBe(true);
  });

  it('sees nothing a payload has not itself', async () => {
    for (const field of ['constructor', 'user.toString', 'list.length', '__proto__.x'])
      expect(await check({ field, exists: true }), field).toBe(false);
    for (const given of [null, 5, 'text', [1]])
      expect(await check({ field: 'action', exists: true }, given)).toBe(false);
  });

  it('whose pattern would search for ever ends and lets nothing through', async () => {
    const text = `${'a'.repeat(40)}!`;
    expect(await check({ field: 'text', regex: '^(a+)+$' }, { text })).toBe(false);
  });
});
