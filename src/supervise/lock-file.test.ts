import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialLockFile, takeLock } from './lock-file.ts';
import { ownRecord } from './process-record.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('lock files', () => {
  it('are released by their owner and leave nothing behind', () => {
    const file = join(folder, 'gateway.pid');
    const taken = takeLock(file);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      pid: process.pid,
      kind: 'hermes-gateway',
    });
    if ('lock' in taken) taken.lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('name a live holder instead of taking over', async () => {
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
    try {
      const file = join(folder, 'gateway.pid');
      writeFileSync(
        file,
        JSON.stringify({ pid: other.pid, kind: 'hermes-gateway', argv: [], start_time: null }),
      );
      expect(takeLock(file)).toMatchObject({ holder: { pid: other.pid } });
    } finally {
      other.kill('SIGKILL');
    }
  });

  it.each([
    ['a process that is gone', JSON.stringify({ pid: 2 ** 22 - 3, start_time: 5 })],
    ['a reused pid', JSON.stringify({ pid: 1, start_time: -1 })],
    ['an older bare integer of a process that is gone', String(2 ** 22 - 3)],
    ['an unreadable file', '{'],
    ['an empty file', ''],
  ])('are taken over from %s', (_, content) => {
    const file = join(folder, 'gateway.pid');
    writeFileSync(file, content);
    expect(takeLock(file)).toHaveProperty('lock');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: ownRecord().pid });
  });

  it('never carry the credential in their name', () => {
    const file = credentialLockFile(folder, 'telegram-bot-token', '123:SECRET');
    expect(file).toMatch(/telegram-bot-token-[0-9a-f]{16}\.lock$/);
    expect(existsSync(file)).toBe(false);
  });
});
