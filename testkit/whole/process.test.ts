import { execFile } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { startFakeTelegram } from '../../src/platforms/telegram/fake.ts';
import { insertInbound } from '../../src/store/queries/inbound.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { GatewayProcess, type Home, type HomeOptions, makeHome } from '../gateway-process.ts';
import { startUpstream, type Upstream } from '../upstream/index.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of cleanUp.splice(0).reverse()) await each();
});

async function world(more: Partial<HomeOptions> = {}): Promise<{ home: Home; upstream: Upstream }> {
  const upstream = await startUpstream();
  cleanUp.push(() => upstream.close());
  const home = await makeHome({ upstream: upstream.url, upstreamKey: upstream.key, ...more });
  cleanUp.push(() => home.remove());
  return { home, upstream };
}

function start(home: Home): GatewayProcess {
  const gateway = new GatewayProcess(home);
  cleanUp.push(() => gateway.kill());
  return gateway;
}

function hermes(home: Home, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const launcher = join(import.meta.dirname, '../../bin/hermes.js');
    execFile(process.execPath, [launcher, ...args], { env: home.env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}

const listens = (home: Home) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(Number(new URL(home.apiUrl).port), '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });

describe('a gateway process', () => {
  it('refuses a second gateway on its home with a sentence and goes on itself', async () => {
    const { home } = await world();
    const first = start(home);
    await first.listening();
    const second = await hermes(home, 'gateway', 'run');
    expect(second.code).toBe(1);
    expect(second.err).toContain(`Another gateway instance is already running (PID ${first.pid}).`);
    expect(first.ended).toBe(false);
    expect(await listens(home)).toBe(true);
  });

  it('takes over from one that was killed, also when its pid file names a living stranger', async () => {
    const { home } = await world();
    const first = start(home);
    await first.listening();
    await first.kill();
    writeFileSync(join(home.path, 'gateway.pid'), JSON.stringify({ pid: process.pid, start_time: 1 }));
    const second = start(home);
    await second.listening();
  });

  it('tells a second home with the same bot token which process has it, and serves its API all the same', async () => {
    const telegram = await startFakeTelegram();
    cleanUp.push(() => telegram.close());
    const users = { url: telegram.url, token: telegram.token, users: [111] };
    const one = await world({ telegram: users });
    const other = await world({ telegram: users });
    const first = start(one.home);
    await first.listening();
    const home = {
      ...other.home,
      env: { ...other.home.env, HERMES_GATEWAY_LOCK_DIR: one.home.env['HERMES_GATEWAY_LOCK_DIR'] },
    };
    const second = start(home);
    await second.listening();
    const status = JSON.parse((await hermes(home, 'gateway', 'status', '--json')).out) as {
      platforms: { code: string; message: string }[];
    };
    expect(status.platforms[0]).toMatchObject({
      code: 'telegram-bot-token_lock',
      message: `Telegram bot token already in use (PID ${first.pid}). Stop the other gateway first.`,
    });
  });

  it('opens no listener on a configuration it cannot read', async () => {
    const { home } = await world();
    writeFileSync(join(home.path, 'config.yaml'), 'model: [unclosed\n  x: 1');
    const result = await hermes(home, 'gateway', 'run');
    expect(result.code).toBe(78);
    expect(result.err).toMatch(/config\.yaml.*\d/);
    expect(await listens(home)).toBe(false);
  });

  it('refuses to be reachable from the network without a key, and leaves nothing behind', async () => {
    const { home } = await world();
    const open = { ...home, env: { ...home.env, API_SERVER_HOST: '0.0.0.0', API_SERVER_KEY: '' } };
    const result = await hermes(open, 'gateway', 'run');
    expect(result.code).not.toBe(0);
    expect(result.err).toContain('API_SERVER_KEY');
    expect(await listens(home)).toBe(false);
    const again = start(home);
    await again.listening();
  });

  it('stops by command with exit code 0 and by an unannounced TERM with 1', async () => {
    const { home } = await world();
    const first = start(home);
    await first.listening();
    expect((await hermes(home, 'gateway', 'stop')).code).toBe(0);
    expect(await first.exited).toBe(0);
    const second = start(home);
    await second.listening();
    await second.kill('SIGTERM');
    expect(await second.exited).toBe(1);
  });

  it('keeps everything of a home to its owner', async () => {
    const { home } = await world();
    const gateway = start(home);
    await gateway.listening();
    const mode = (name: string) => (statSync(join(home.path, name)).mode & 0o777).toString(8);
    expect([mode('gateway.db'), mode('gateway.sock'), mode('gateway_state.json')]).toEqual([
      '600',
      '600',
      '600',
    ]);
  });

  it('goes on with 10,000 messages that waited for its restart', async () => {
    const telegram = await startFakeTelegram();
    cleanUp.push(() => telegram.close());
    const { home } = await world({ telegram: { url: telegram.url, token: telegram.token, users: [111] } });
    mkdirSync(home.path, { recursive: true });
    const store = openSqlite({ file: join(home.path, 'gateway.db'), clock: systemClock, log: silentLog });
    const bot = telegram.token.split(':')[0];
    await store.write(async (tx) => {
      for (let index = 0; index < 10_000; index += 1) {
        const chat = String(100_000 + index);
        const event = {
          at: { chat },
          kind: 'message',
          scope: 'dm',
          from: { id: chat, name: 'Ann', isBot: false, isSelf: false },
          message: String(index),
          text: `waiting ${index}`,
        };
        await tx.get(insertInbound, {
          account: `telegram:${bot}`,
          key: `k${index}`,
          trace: 't',
          state: 'pending',
          reason: null,
          session_key: `agent:main:telegram:dm:${chat}`,
          turn: null,
          consumer: 'chat',
          ready_at: 0,
          body: JSON.stringify({ type: 'chat', platform: 'telegram', event, shared: false }),
          raw: '',
          created_at: systemClock.now(),
        });
      }
    });
    await store.close();
    for (let index = 0; index < 10_000; index += 1) {
      await telegram.inject.text('x', { from: { id: 100_000 + index, first_name: 'Ann', is_bot: true } });
    }
    start(home);
    const answered = () => telegram.seen.filter(({ method }) => method === 'sendMessage').length;
    await expect.poll(answered, { timeout: 15_000 }).toBeGreaterThan(10);
    const texts = telegram.seen.map(({ params }) => params['text']);
    expect(new Set(texts).size).toBe(texts.length);
  });
});
