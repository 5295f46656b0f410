import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeSubscriptions, subscriptionsFile } from './subscriptions.ts';
import { secret, setUp } from './testing.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'subscriptions-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const write = (routes: unknown) => writeFileSync(subscriptionsFile(home), JSON.stringify(routes));
const open = (routes: Readonly<Record<string, object>> = {}, settings: object = {}) =>
  setUp(routes, settings, { home });

describe('a subscription', () => {
  it('is live with the next event, and gone with it when it is removed', async () => {
    const { post } = open();
    expect((await post('fresh', {})).status).toBe(404);
    changeSubscriptions(home, (entries) => !!entries.set('fresh', { secret }));
    expect((await post('fresh', {})).status).toBe(202);
    changeSubscriptions(home, (entries) => entries.delete('fresh'));
    expect((await post('fresh', { a: 1 })).status).toBe(404);
    changeSubscriptions(home, (entries) => !!entries.set('fresh', { secret }));
    expect((await post('fresh', { a: 1 })).status).toBe(202);
    rmSync(subscriptionsFile(home));
    expect((await post('fresh', { a: 2 })).status).toBe(404);
  });

  it('is noticed also when an older file is put back', async () => {
    const { post } = open();
    write({ one: { secret } });
    const backup = join(home, 'backup');
    writeFileSync(backup, JSON.stringify({ two: { secret } }));
    utimesSync(backup, 1, 1);
    expect((await post('one', {})).status).toBe(202);
    renameSync(backup, subscriptionsFile(home));
    expect((await post('two', {})).status).toBe(202);
    expect((await post('one', { a: 1 })).status).toBe(404);
  });

  it('never replaces a route of config.yaml', async () => {
    write({ r: { secret, prompt: 'theirs' } });
    const { post, intake } = open({ r: { prompt: 'mine' } });
    await post('r', {});
    expect(intake.events[0]?.text).toContain('mine');
  });

  it('that is broken leaves the others as they were, and is said once', async () => {
    write({ one: { secret } });
    const { post, log } = open();
    expect((await post('one', {})).status).toBe(202);
    writeFileSync(subscriptionsFile(home), '{"one":');
    for (const n of [1, 2, 3]) expect((await post('one', { n })).status).toBe(202);
    expect(log.filter(({ event }) => event === 'webhook.subscriptions_unreadable')).toHaveLength(1);
  });

  it('without a secret or open to the world is skipped with a warning, the others are not', async () => {
    write({
      bare: {},
      open: { secret: 'INSECURE_NO_AUTH' },
      odd: 5,
      silent: { secret, deliver_only: true },
      good: { secret },
    });
    const { post, log } = open({}, { secret: undefined });
    for (const name of ['bare', 'open', 'odd', 'silent'])
      expect((await post(name, {}, {})).status, name).toBe(404);
    expect((await post('good', {})).status).toBe(202);
    expect(log.filter(({ event }) => event === 'webhook.subscription_skipped')).toHaveLength(4);
  });

  it('cannot grant tools', async () => {
    write({ r: { secret, toolsets: ['terminal'] } });
    const { post, intake, log } = open();
    await post('r', {});
    expect(intake.events[0]).not.toHaveProperty('toolsets');
    expect(JSON.stringify(log)).toContain('grant them in config.yaml');
  });

  it('may come from an editor that marks its files', async () => {
    writeFileSync(subscriptionsFile(home), `\uFEFF${JSON.stringify({ r: { secret } })}`);
    expect((await open().post('r', {})).status).toBe(202);
  });

  it('named like a part of every object is a name like any other', async () => {
    writeFileSync(subscriptionsFile(home), `{"__proto__":{"secret":"${secret}"}}`);
    expect((await open().post('__proto__', {})).status).toBe(202);
    changeSubscriptions(home, (entries) => !!entries.set('other', { secret }));
    expect((await open().post('__proto__', { a: 1 })).status).toBe(202);
    expect(({} as { secret?: string }).secret).toBeUndefined();
  });
});

it('a secret in the file is redacted from the moment it is read, also one of a route that is refused', async () => {
  write({
    open: { secret: 'INSECURE_NO_AUTH' },
    one: { secret: 'first-secret' },
    bad: { secret: 'refused-secret', deliver_only: true },
  });
  const { post, hidden } = open();
  await post('one', {}, {});
  expect(hidden).toEqual(['first-secret', 'refused-secret']);
  write({ one: { secret: 'second-secret' } });
  await post('one', {}, {});
  expect(hidden.at(-1)).toBe('second-secret');
});

describe('the file', () => {
  it('belongs to its owner alone and is replaced in one step', () => {
    writeFileSync(subscriptionsFile(home), '{}');
    chmodSync(subscriptionsFile(home), 0o644);
    changeSubscriptions(home, (entries) => !!entries.set('r', { secret }));
    expect(statSync(subscriptionsFile(home)).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(['webhook_subscriptions.json']);
  });

  it('that is broken is not overwritten', () => {
    writeFileSync(subscriptionsFile(home), '{"a":');
    expect(() => changeSubscriptions(home, () => true)).toThrow();
    expect(statSync(subscriptionsFile(home)).size).toBe(5);
  });
});

it('the listener says that it is connected, and lets go at once', async () => {
  const { adapter, intake } = open({ r: {} });
  const said: string[] = [];
  const abort = new AbortController();
  const running = adapter.run(
    { ...intake, connected: (detail) => void said.push(detail ?? '') },
    abort.signal,
  );
  await expect.poll(() => said).toEqual(['port 8644, 1 route(s)']);
  abort.abort();
  await running;
});
