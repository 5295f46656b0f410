import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const rounds = 20;

const script = `
  import { openSqlite } from '${new URL('./open.ts', import.meta.url).href}';
  import { putMeta } from '${new URL('../queries/meta.ts', import.meta.url).href}';
  import { systemClock } from '${new URL('../../core/clock.ts', import.meta.url).href}';
  const store = openSqlite({ file: process.argv[1], clock: systemClock, log() {} });
  for (let n = 0; n < ${rounds}; n++) {
    await store.write((tx) => tx.run(putMeta, { key: 'k' + n, value: 'v' }));
    process.stdout.write('acknowledged ' + n + '\\n');
  }
  await store.close();`;

test('every acknowledgement comes after a sync of everything it stands for', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'hermes-sync-'));
  try {
    const trace = join(folder, 'trace');
    const calls = 'trace=write,pwrite64,fsync,fdatasync';
    const run = spawnSync(
      'strace',
      [
        ...['-f', '-y', '-e', calls, '-o', trace],
        ...[process.execPath, '--input-type=module', '-e', script, join(folder, 'gateway.db')],
      ],
      { encoding: 'utf8' },
    );
    if (run.error !== undefined) context.skip('needs strace');
    if (run.stderr.includes('PTRACE')) context.skip('needs the right to trace a process');
    expect(run.stdout.split('\n')).toHaveLength(rounds + 1);

    let unsynced = false;
    let written = 0;
    const acknowledged: { unsynced: boolean; written: boolean }[] = [];
    for (const line of readFileSync(trace, 'utf8').split('\n')) {
      if (/ p?write(64)?\(\d+<[^>]*-wal>/.test(line)) {
        unsynced = true;
        written += 1;
      } else if (/ f(data)?sync\(\d+<[^>]*-wal>/.test(line)) {
        unsynced = false;
      } else if (line.includes('"acknowledged ')) {
        acknowledged.push({ unsynced, written: written > 0 });
        written = 0;
      }
    }
    expect(acknowledged).toEqual(Array.from({ length: rounds }, () => ({ unsynced: false, written: true })));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
