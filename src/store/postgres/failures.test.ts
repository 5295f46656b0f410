import { connect, createServer, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../../testkit/postgres.ts';
import { systemClock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { getMeta, putMeta } from '../queries/meta.ts';
import { query } from '../query.ts';
import type { Store, Tx } from '../store.ts';
import { openPostgres } from './open.ts';

let server: PostgresServer;
let url: string;
let store: Store | undefined;
/** Everything the store said, as a person would see it. */
let said: string[];

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());
beforeEach(async () => {
  said = [];
  url = await server.database();
});
afterEach(async () => {
  await store?.close();
  store = undefined;
  expect(said.join('\n')).not.toContain(server.password);
});

const log: Log = (level, event, data) => said.push(inspect({ level, event, data }, { depth: 10 }));
const open = async (at = url) => {
  store = await openPostgres({ url: at, clock: systemClock, log });
  return store;
};
const put = (key: string) => (tx: Tx) => tx.run(putMeta, { key, value: 'v' });
const writableAgain = (which: Store) =>
  expect.poll(() => which.health(), { interval: 10, timeout: 10_000 }).toEqual({ writable: true });
const databaseOf = (address: string) => new URL(address).pathname.slice(1);
const cut = (condition = 'true') =>
  server.sql(`select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and ${condition}`, [
    databaseOf(url),
  ]);
/** The failure as a log or a crash report would print it. */
const failure = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  said.push(inspect(error, { depth: 10 }));
  return error;
};

describe('lost connections', () => {
  test('cutting every connection is survived; the lock is taken again by itself', async () => {
    const running = await open();
    await Promise.all(Array.from({ length: 20 }, (_, n) => running.write(put(`a${n}`))));
    await cut();
    await expect.poll(() => said.join(), { interval: 5, timeout: 5_000 }).toContain('store.unwritable');
    await writableAgain(running);
    await running.write(put('after'));
    expect(await running.read.get(getMeta, { key: 'a19' })).toEqual({ value: 'v' });
    await expect(openPostgres({ url, clock: systemClock, log })).rejects.toMatchObject({
      code: 'HOME_LOCKED',
    });
  });

  test('a crash of the server while it is written to is survived, and what was acknowledged is there', async () => {
    const running = await open();
    const acknowledged: string[] = [];
    let refused = 0;
    let stop = false;
    const writer = async (name: string) => {
      for (let n = 0; !stop; n += 1) {
        const key = `${name}:${n}`;
        const error = await failure(running.write(put(key)));
        if (error === undefined) {
          acknowledged.push(key);
          continue;
        }
        refused += 1;
        expect(error).toMatchObject({ code: 'STORE_FULL' });
        await systemClock.sleep(20);
      }
    };
    const writing = Promise.all(['a', 'b', 'c', 'd'].map(writer));
    await expect.poll(() => acknowledged.length, { interval: 5 }).toBeGreaterThan(50);
    await server.crash();
    await expect.poll(() => refused, { interval: 5 }).toBeGreaterThan(0);
    expect(running.health().writable).toBe(false);
    expect(await failure(running.read.get(getMeta, { key: 'a:0' }))).toMatchObject({
      code: 'STORE_UNREACHABLE',
    });
    const before = acknowledged.length;
    await server.start();
    await expect.poll(() => acknowledged.length, { interval: 5, timeout: 10_000 }).toBeGreaterThan(before);
    stop = true;
    await writing;
    await writableAgain(running);
    for (const key of acknowledged) expect(await running.read.get(getMeta, { key })).toEqual({ value: 'v' });
  });

  test('a commit without an answer is reported as failed, and repeating it is safe', async () => {
    const proxy = await startProxy(server.port);
    const running = await open(url.replace(String(server.port), String(proxy.port)));
    await running.write(put('first'));
    proxy.swallowAnswerTo('commit');
    const error = await failure(running.write(put('maybe')));
    expect(error).toMatchObject({ code: 'STORE_FULL', message: expect.stringContaining('unknown') });
    await writableAgain(running);
    // The proxy let the commit through: it happened.
    expect(await running.read.get(getMeta, { key: 'maybe' })).toEqual({ value: 'v' });
    await running.write(put('maybe'));
    await running.close();
    await proxy.stop();
  });

  test('while the lock is lost nothing is written; a gateway that took over keeps the database', async () => {
    const proxy = await startProxy(server.port);
    const running = await open(url.replace(String(server.port), String(proxy.port)));
    await running.write(put('mine'));
    proxy.block();
    const successor = await openPostgres({ url, clock: systemClock, log });
    await successor.write(put('theirs'));
    expect(await failure(running.write(put('stale')))).toMatchObject({ code: 'STORE_FULL' });
    proxy.unblock();
    await expect.poll(() => running.health().why, { timeout: 10_000 }).toContain('in use by another process');
    expect(await failure(running.write(put('stale')))).toMatchObject({ code: 'STORE_FULL' });
    expect(await successor.read.get(getMeta, { key: 'stale' })).toBeUndefined();
    await successor.close();
    await writableAgain(running);
    await running.write(put('back'));
    await running.close();
    await proxy.stop();
  });

  test('nobody takes over while a connection of the former owner could still write', async () => {
    const running = await open();
    const inUnit = Promise.withResolvers<void>();
    const others = Promise.withResolvers<void>();
    const slow = running.write(async (tx) => {
      await put('slow')(tx);
      inUnit.resolve();
      await others.promise;
    });
    await inUnit.promise;
    // Only the connection with the lock; its successor is at once there to take it.
    const successor = openPostgres({ url, clock: systemClock, log });
    await cut("pid in (select pid from pg_locks where locktype = 'advisory' and objid = 1 and granted)");
    expect(await failure(successor)).toMatchObject({ code: 'HOME_LOCKED' });
    others.resolve();
    await slow;
    await writableAgain(running);
    expect(await running.read.get(getMeta, { key: 'slow' })).toEqual({ value: 'v' });
  });
});

describe('a server that takes no writes', () => {
  test('a database made read-only refuses with STORE_FULL, is read on, and recovers by itself', async () => {
    const running = await open();
    await running.write(put('before'));
    const database = databaseOf(url);
    await server.sql(`alter database ${database} set default_transaction_read_only = on`);
    await cut();
    await expect.poll(() => running.health().why, { timeout: 5_000 }).toContain('read-only');
    expect(await failure(running.write(put('during')))).toMatchObject({ code: 'STORE_FULL' });
    expect(await running.read.get(getMeta, { key: 'before' })).toEqual({ value: 'v' });
    await server.sql(`alter database ${database} reset default_transaction_read_only`);
    await cut();
    await writableAgain(running);
    await running.write(put('after'));
    expect(await running.read.get(getMeta, { key: 'during' })).toBeUndefined();
  });
});

describe('opening', () => {
  test('names what is wrong, and never shows the password', async () => {
    const broken = (change: (address: URL) => void) => {
      const address = new URL(url);
      change(address);
      return failure(open(address.href));
    };
    const { password } = server;
    const unreachable = { code: 'STORE_UNREACHABLE', status: 503 };
    expect(await broken((address) => (address.pathname = '/absent'))).toMatchObject(unreachable);
    expect(await broken((address) => (address.username = 'nobody'))).toMatchObject(unreachable);
    expect(await broken((address) => (address.password = `${password}x`))).toMatchObject(unreachable);
    expect(await broken((address) => (address.port = '1'))).toMatchObject(unreachable);
    const unreadable = { code: 'CONFIG_UNREADABLE' };
    expect(await failure(open(`postgres://u:${password}@[bad/x`))).toMatchObject(unreadable);
    expect(await failure(open(`postgres://u:${password}@h:99999/x`))).toMatchObject(unreadable);
    expect(await failure(open(`mysql://u:${password}@h/x`))).toMatchObject(unreadable);
    expect(await failure(open(`postgres://u:${password}@h/x?sslrootcert=/absent`))).toMatchObject(unreadable);
  });

  test('a database that cannot hold every text is refused', async () => {
    await server.sql(
      "create database latin encoding 'LATIN1' locale_provider libc locale 'C' template template0",
    );
    const error = await failure(open(url.replace(databaseOf(url), 'latin')));
    expect(error).toMatchObject({ code: 'CONFIG_UNREADABLE', message: expect.stringContaining('LATIN1') });
  });

  test('commits are synced even where the database says otherwise', async () => {
    await server.sql(`alter database ${databaseOf(url)} set synchronous_commit = off`);
    const running = await open();
    const setting = query((db, _: Record<never, never>) =>
      db.selectNoFrom(sql<string>`current_setting('synchronous_commit')`.as('value')),
    );
    expect(await running.write((tx) => tx.get(setting, {}))).toEqual({ value: 'on' });
  });
});

interface Proxy {
  readonly port: number;
  /** Lets the next request with this word pass, and cuts the connection instead of bringing its answer. */
  swallowAnswerTo(word: string): void;
  /** Cuts all connections and refuses new ones. */
  block(): void;
  unblock(): void;
  stop(): Promise<void>;
}

async function startProxy(target: number): Promise<Proxy> {
  const open = new Set<Socket>();
  let word: string | undefined;
  let blocked = false;
  const proxy: Server = createServer((client) => {
    if (blocked) {
      client.destroy();
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    let swallowing = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', end).on('close', () => {
        open.delete(socket);
        end();
      });
    }
    client.on('data', (bytes) => {
      if (word !== undefined && bytes.includes(word)) {
        swallowing = true;
        word = undefined;
      }
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (swallowing) end();
      else client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    swallowAnswerTo: (next) => {
      word = next;
    },
    block: () => {
      blocked = true;
      for (const socket of open) socket.destroy();
    },
    unblock: () => {
      blocked = false;
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
