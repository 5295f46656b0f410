import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TestHome, testHome } from '../config/testing.ts';
import { version } from '../version.ts';

const root = join(import.meta.dirname, '..', '..');
let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

function start(file: string, args: readonly string[], flags: readonly string[] = []) {
  const env = { ...process.env, HERMES_HOME: home.path };
  const child = spawn(process.execPath, [...flags, join(root, 'bin', file), ...args], { env });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  return { child, out: () => out, ended: once(child, 'close') as Promise<[number | null, string | null]> };
}

/** Makes a Node behave like one that cannot replace its own process. */
const withoutExecve = ['--import', 'data:text/javascript,delete process.execve'];

it('hermes starts and answers with the exit code of the command', async () => {
  const asked = start('hermes.js', ['--version']);
  expect((await asked.ended)[0]).toBe(0);
  expect(asked.out()).toBe(`${version}\n`);
  expect((await start('hermes.js', ['gateway', 'status']).ended)[0]).toBe(1);
});

it.each([
  ['in place', []],
  ['as a child', withoutExecve],
] as const)('run.js passes arguments and exit code on: %s', async (_way, flags) => {
  const script = home.write('script.mjs', 'console.log(process.argv.slice(2).join()); process.exit(7);');
  const run = start('run.js', [script, 'a', 'b c'], flags);
  expect((await run.ended)[0]).toBe(7);
  expect(run.out()).toBe('a,b c\n');
});

it('run.js becomes the program, so that there is one process', async () => {
  const script = home.write('pid.mjs', 'console.log(process.pid);');
  const run = start('run.js', [script]);
  await run.ended;
  expect(Number(run.out())).toBe(run.child.pid);
});

it.each([
  ['in place', []],
  ['as a child', withoutExecve],
] as const)('run.js passes SIGTERM on: %s', async (_way, flags) => {
  const text =
    "process.on('SIGTERM', () => process.exit(9)); setTimeout(() => {}, 60_000); console.log('ready');";
  const run = start('run.js', [home.write('wait.mjs', text)], flags);
  await expect.poll(run.out, { timeout: 10_000 }).toBe('ready\n');
  run.child.kill('SIGTERM');
  expect((await run.ended)[0]).toBe(9);
});
