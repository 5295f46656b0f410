import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadSettings } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import { type TestHome, testHome } from '../config/testing.ts';
import { openLog, type Verbosity } from './log.ts';
import { testHost } from './testing.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

async function open(verbosity: Verbosity, change: (settings: Settings) => Settings = (settings) => settings) {
  const env = { HOME: home.path, API_SERVER_KEY: 'a-very-secret-key-value' };
  const { settings } = await loadSettings({ env, home: home.path, platforms: [] });
  const host = testHost({ home: home.path });
  return { host, ...openLog(change(settings), verbosity, host.stderr) };
}

const read = (name: string) => readFileSync(join(home.path, 'logs', name), 'utf8');
const events = (name: string) =>
  read(name)
    .trimEnd()
    .split('\n')
    .map((text) => (JSON.parse(text) as { event: string }).event);

it('sorts lines into agent, errors and gateway, readable by the owner alone', async () => {
  const { log, close } = await open('silent');
  log('info', 'gateway.started');
  log('debug', 'gateway.detail');
  log('warn', 'model.slow');
  log('error', 'outbox.failed', { why: 'x' });
  close();
  expect(events('agent.log')).toEqual(['gateway.started', 'model.slow', 'outbox.failed']);
  expect(events('errors.log')).toEqual(['model.slow', 'outbox.failed']);
  expect(events('gateway.log')).toEqual(['gateway.started', 'outbox.failed']);
  for (const name of ['agent.log', 'errors.log', 'gateway.log'])
    expect(statSync(join(home.path, 'logs', name)).mode & 0o777).toBe(0o600);
});

it.each([
  ['silent', []],
  [0, ['warn']],
  [1, ['info', 'warn']],
  [2, ['debug', 'info', 'warn']],
] as const)('shows the levels of verbosity %s on the terminal', async (verbosity, expected) => {
  const { log, close, host } = await open(verbosity);
  log('debug', 'e');
  log('info', 'e');
  log('warn', 'e');
  close();
  expect(host.err().match(/debug|info|warn/g) ?? []).toEqual(expected);
});

it('never writes a secret, wherever it hides in the data', async () => {
  const secret = 'a-very-secret-key-value';
  const { log, close, host } = await open(2);
  const error = new Error(`refused ${secret}`, { cause: new Error(secret) });
  log('error', 'api.failed', { error, list: [{ deep: `Bearer ${secret}` }] });
  close();
  expect(read('agent.log') + read('errors.log') + host.err()).not.toContain(secret);
  expect(read('agent.log')).toContain('refused');
});

it('writes nothing after it was closed, so that a removed home stays removed', async () => {
  const { log, close } = await open('silent');
  log('info', 'gateway.last');
  close();
  home.remove();
  log('info', 'gateway.late');
  await new Promise(setImmediate);
  expect(existsSync(home.path)).toBe(false);
});

it('survives data that has no JSON form', async () => {
  const { log, close } = await open('silent');
  const circle: Record<string, unknown> = { big: 1n, call: () => 1 };
  circle['self'] = circle;
  log('info', 'gateway.odd', circle);
  close();
  expect(events('agent.log')).toEqual(['gateway.odd']);
});

it('keeps control characters away from the terminal', async () => {
  const { log, close, host } = await open(1);
  log('info', 'gateway.text', { text: 'a\u001b[2J\u0007b\nc' });
  close();
  expect(host.err()).toContain('text=ab c');
});

it('rotates at the size and keeps the configured number of files', async () => {
  const small = (settings: Settings) => ({
    ...settings,
    logging: { ...settings.logging, maxBytes: 300, backups: 2 },
  });
  const { log, close } = await open('silent', small);
  for (let index = 0; index < 20; index += 1) log('info', `gateway.n${index}`, { fill: 'x'.repeat(60) });
  close();
  const files = ['agent.log', 'agent.log.1', 'agent.log.2'];
  for (const name of files) expect(statSync(join(home.path, 'logs', name)).size).toBeLessThanOrEqual(300);
  expect(existsSync(join(home.path, 'logs', 'agent.log.3'))).toBe(false);
  const kept = files.toReversed().flatMap(events);
  expect(kept).toEqual(
    Array.from({ length: kept.length }, (_, index) => `gateway.n${20 - kept.length + index}`),
  );
});
