import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { silentLog } from '../core/log.ts';
import { openAllowList } from './allow-list.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hermes-allow-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const file = () => join(home, 'config.yaml');
const open = (commandAllowlist: readonly string[] = [], log = silentLog) =>
  openAllowList({ home, approvals: { commandAllowlist } }, log);

test('what is allowed for ever counts at once and is written beside what stands there', async () => {
  writeFileSync(file(), '# mine\ncommand_allowlist:\n  - by hand # keep\nmodel: {default: x}\n');
  const list = open(['by hand']);
  list.add(['recursive delete']);
  list.add(['git force push', 'recursive delete']);
  expect(['by hand', 'recursive delete', 'git force push', 'other'].map((key) => list.has(key))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  await list.saved();
  expect(parse(readFileSync(file(), 'utf8'))).toEqual({
    command_allowlist: ['by hand', 'recursive delete', 'git force push'],
    model: { default: 'x' },
  });
  expect(readFileSync(file(), 'utf8')).toContain('# mine');
});

test('what cannot be written down holds all the same, and the log says so', async () => {
  writeFileSync(file(), 'model: [unclosed\n');
  const events: string[] = [];
  const list = open([], (_level, event) => events.push(event));
  list.add(['recursive delete']);
  await list.saved();
  expect([list.has('recursive delete'), events]).toEqual([true, ['approval.not_saved']]);
  expect(readFileSync(file(), 'utf8')).toBe('model: [unclosed\n');
});
