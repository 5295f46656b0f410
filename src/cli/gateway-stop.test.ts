import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TestHome, testHome } from '../config/testing.ts';
import { endRunning } from './gateway-stop.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

/** A process that holds the home and copies the announcement it finds when it is told to end. */
async function holder() {
  const text = `
    import { copyFileSync } from 'node:fs';
    process.on('SIGTERM', () => {
      copyFileSync('${home.path}/.gateway-takeover.json', '${home.path}/seen.json');
      process.exit(0);
    });
    setTimeout(() => {}, 60_000);
    console.log('ready');`;
  const child = spawn(process.execPath, [home.write('holder.mjs', text)]);
  await once(child.stdout, 'data');
  return child;
}

it('announces the takeover before the signal, and takes the announcement away after it', async () => {
  const child = await holder();
  const ended = once(child, 'exit');
  home.write('gateway.pid', JSON.stringify({ pid: child.pid, kind: 'hermes-gateway', start_time: null }));
  expect(await endRunning(home.path)).toBe(true);
  await ended;
  const seen = JSON.parse(readFileSync(join(home.path, 'seen.json'), 'utf8'));
  expect(seen).toMatchObject({ target_pid: child.pid, replacer_pid: process.pid });
  expect(existsSync(join(home.path, '.gateway-takeover.json'))).toBe(false);
});

it('never signals a process that only has the recorded number', async () => {
  const child = await holder();
  home.write('gateway.pid', JSON.stringify({ pid: child.pid, kind: 'hermes-gateway', start_time: 1 }));
  const started = existsSync('/proc/self/stat');
  expect(await endRunning(home.path)).toBe(!started);
  expect(child.exitCode).toBe(started ? null : 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
});

it('answers false when nothing is recorded', async () => {
  expect(await endRunning(home.path)).toBe(false);
});
