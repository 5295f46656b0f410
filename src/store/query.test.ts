import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { inDialect, migrations } from './migrations/list.ts';
import { fill, query } from './query.ts';

const pending = query((db, p: { session_key: string; limit: number }) =>
  db
    .selectFrom('inbound')
    .select(['id', 'body'])
    .where('session_key', '=', p.session_key)
    .where('state', 'in', ['pending', 'claimed'])
    .orderBy('id')
    .limit(p.limit),
);
const remember = query((db, p: { key: string; value: string }) =>
  db
    .insertInto('meta')
    .values({ key: p.key, value: p.value })
    .onConflict((clash) => clash.column('key').doUpdateSet({ value: p.value })),
);

test('a query is built once per dialect, however often it is used', () => {
  let built = 0;
  const counted = query((db, p: { key: string }) => {
    built += 1;
    return db.selectFrom('meta').select('value').where('key', '=', p.key);
  });
  expect(counted.compiled('sqlite')).toBe(counted.compiled('sqlite'));
  expect(counted.compiled('postgres')).toBe(counted.compiled('postgres'));
  expect(built).toBe(2);
});

test('a select has the expected words in both dialects', () => {
  expect(pending.compiled('sqlite').sql).toBe(
    `select "id", "body" from "inbound" where "session_key" = ? and "state" in ('pending', 'claimed') order by "id" limit ?`,
  );
  expect(pending.compiled('postgres').sql).toBe(
    `select "id", "body" from "inbound" where "session_key" = $1 and "state" in ('pending', 'claimed') order by "id" limit $2`,
  );
});

test('an upsert has the expected words in both dialects', () => {
  expect(remember.compiled('sqlite').sql).toBe(
    'insert into "meta" ("key", "value") values (?, ?) on conflict ("key") do update set "value" = ?',
  );
  expect(remember.compiled('postgres').sql).toBe(
    'insert into "meta" ("key", "value") values ($1, $2) on conflict ("key") do update set "value" = $3',
  );
});

test('parameters are bound in order of their places, as often as they are used', () => {
  expect(fill(pending.compiled('postgres'), { session_key: 'a', limit: 5 })).toEqual(['a', 5]);
  expect(fill(remember.compiled('sqlite'), { key: 'k', value: 'v' })).toEqual(['k', 'v', 'v']);
});

test('constants are part of the text, quoted', () => {
  const quoted = query((db, _: Record<never, never>) =>
    db.selectFrom('meta').select('value').where('key', '=', "it's").where('value', 'is not', null).limit(3),
  );
  for (const dialect of ['sqlite', 'postgres'] as const) {
    const compiled = quoted.compiled(dialect);
    expect(compiled.sql).toBe(
      `select "value" from "meta" where "key" = 'it''s' and "value" is not null limit 3`,
    );
    expect(fill(compiled, {})).toEqual([]);
  }
});

test('the queue of a lane is read from the index that holds open work only', () => {
  const db = new DatabaseSync(':memory:');
  for (const statement of migrations.flatMap((each) => each.statements))
    db.exec(inDialect(statement, 'sqlite'));
  const { sql } = pending.compiled('sqlite');
  const plan = db.prepare(`explain query plan ${sql}`).all('a', 5);
  expect(plan.map((row) => row['detail'])).toEqual([
    expect.stringContaining('USING INDEX inbound_open (session_key=?)'),
  ]);
  db.close();
});

test('no parameter of one call is seen by another', () => {
  const compiled = remember.compiled('sqlite');
  const first = fill(compiled, { key: 'a', value: 'secret' });
  const second = fill(compiled, { key: 'b', value: 'other' });
  expect(first).toEqual(['a', 'secret', 'secret']);
  expect(second).toEqual(['b', 'other', 'other']);
  first[0] = 'changed';
  expect(fill(compiled, { key: 'c', value: 'third' })).toEqual(['c', 'third', 'third']);
});

test('a missing parameter is refused, also right after a call that had it', () => {
  const compiled = remember.compiled('sqlite');
  fill(compiled, { key: 'a', value: 'v' });
  expect(() => fill(compiled, { key: 'a' })).toThrow('value is missing');
});

test('null is a value, not a missing parameter', () => {
  expect(fill(remember.compiled('sqlite'), { key: 'a', value: null })).toEqual(['a', null, null]);
});

test('what neither database can hold is replaced, cut or refused', () => {
  const values = (value: string | number) => fill(remember.compiled('sqlite'), { key: 'a', value })[1];
  expect(values('a\0b')).toBe('a\ufffdb');
  expect(values('\ud83d')).toBe('\ufffd');
  expect(values('😀')).toBe('😀');
  expect(values(12.9)).toBe(12);
  expect(() => values(2 ** 53)).toThrow('value cannot be stored');
  expect(() => values(Number.NaN)).toThrow('value cannot be stored');
});

test('a builder that computes with a parameter is told at once', () => {
  const sum = query((db, p: { limit: number }) =>
    db
      .selectFrom('meta')
      .select('key')
      .limit(p.limit + 1),
  );
  expect(() => sum.compiled('sqlite')).toThrow('limit can only be passed on');
  const text = query((db, p: { key: string }) =>
    db.selectFrom('meta').select('key').where('key', 'like', `${p.key}%`),
  );
  expect(() => text.compiled('sqlite')).toThrow('key can only be passed on');
});

test('a builder that spreads its parameters is told at once', () => {
  const spread = query((db, p: { key: string; value: string }) => db.insertInto('meta').values({ ...p }));
  expect(() => spread.compiled('postgres')).toThrow('not spread');
});
