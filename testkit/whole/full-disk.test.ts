import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startFakeTelegram } from '../../src/platforms/telegram/fake.ts';
import { GatewayProcess, makeHome } from '../gateway-process.ts';
import { startUpstream } from '../upstream/index.ts';

/** A file system of a few megabytes; only root may make one. */
function smallDisk(): { readonly path: string; remove(): void } | undefined {
  const path = mkdtempSync(join(tmpdir(), 'small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=0700', 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    rmSync(path, { recursive: true, force: true });
    return undefined;
  }
  return {
    path,
    remove: () => {
      execFileSync('umount', ['-l', path], { stdio: 'ignore' });
      rmSync(path, { recursive: true, force: true });
    },
  };
}

const disk = smallDisk();

describe('a full disk', () => {
  // Without the right to mount there is no way to fill a disk without harm; the store has its own test of the limit.
  it.skipIf(disk === undefined)(
    'stops the acknowledging, is said in health, and heals by itself when there is room again',
    { timeout: 60_000 },
    async () => {
      if (disk === undefined) return;
      const upstream = await startUpstream();
      const telegram = await startFakeTelegram();
      const home = await makeHome({
        upstream: upstream.url,
        upstreamKey: upstream.key,
        telegram: { url: telegram.url, token: telegram.token, users: [111] },
        folder: disk.path,
      });
      const gateway = new GatewayProcess(home);
      const headers = { authorization: `Bearer ${home.apiKey}` };
      const health = async () => {
        const response = await fetch(`${home.apiUrl}/health/detailed`, { headers });
        return ((await response.json()) as { readiness: { checks: { state_db: { status: string } } } })
          .readiness.checks.state_db.status;
      };
      const ask = (text: string) =>
        fetch(`${home.apiUrl}/v1/chat/completions`, {
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify({ messages: [{ role: 'user', content: text }] }),
        });
      const answers = () =>
        telegram.seen.filter(({ method }) => method === 'sendMessage').map(({ params }) => params['text']);
      try {
        await gateway.listening();
        await telegram.inject.text('before', { from: { id: 111 } });
        await expect.poll(answers, { timeout: 10_000 }).toEqual(['echo: before']);

        const filler = join(disk.path, 'filler');
        const { bavail, bsize } = statfsSync(disk.path);
        writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize)));
        const big = 'x'.repeat(60_000);
        await expect.poll(async () => (await ask(big)).status, { timeout: 15_000 }).toBe(503);
        expect(await health()).toBe('degraded');
        await telegram.inject.text('while full', { from: { id: 111 } });
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        // Not acknowledged: the update is still with the network.
        expect(telegram.pending).toBe(1);
        expect((await fetch(`${home.apiUrl}/health`)).status).toBe(200);

        rmSync(filler);
        await expect.poll(answers, { timeout: 30_000 }).toEqual(['echo: before', 'echo: while full']);
        expect(await health()).toBe('ok');
        expect((await ask('after')).status).toBe(200);
      } finally {
        await gateway.kill();
        await telegram.close();
        await upstream.close();
        disk.remove();
      }
    },
  );
});
