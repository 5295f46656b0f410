/** What tests need of a store: one on the disk, rows to put into it, and one that fails when a test says so. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { insertInbound, settleInbound } from './queries/inbound.ts';
import { openSqlite } from './sqlite/open.ts';
import type { Store } from './store.ts';

/** A new folder; it is removed at the end of the test in which, or in whose `beforeEach`, this is called. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'store-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The database of a folder. It is closed when the test ends: after what the test opened on it, before its folder goes. */
export function testStore(clock: Clock = systemClock, folder = testFolder()): Store {
  const store = openSqlite({ file: join(folder, 'gateway.db'), clock, log: silentLog });
  onTestFinished(() => store.close());
  return store;
}

/** Stores an event of a chat without anything that answers it: it waits, unless it is said how it ended. */
export function putInbound(
  store: Store,
  event: { readonly account: string; readonly key: string; readonly createdAt?: number },
  ended?: 'answered' | 'failed',
): Promise<void> {
  return store.write(async (tx) => {
    const row = await tx.get(insertInbound, {
      account: event.account,
      key: event.key,
      trace: 't',
      state: 'pending',
      reason: null,
      session_key: 's',
      turn: null,
      consumer: 'chat',
      ready_at: 0,
      body: '',
      raw: '',
      created_at: event.createdAt ?? 0,
    });
    if (ended) await tx.run(settleInbound, { id: row!.id, state: ended, reason: null });
  });
}

/**
 * A store whose writes fail as the test decides, called before each one: `before` = nothing was stored;
 * `after` = stored, but the caller is told otherwise, as when a connection breaks during a commit.
 */
export function failingStore(store: Store, decide: () => 'before' | 'after' | undefined): Store {
  return {
    dialect: store.dialect,
    read: store.read,
    health: () => store.health(),
    close: () => store.close(),
    async write(unit, durability) {
      const fault = decide();
      if (fault === 'before') throw new GatewayError('STORE_FULL', { why: 'test' });
      const value = await store.write(unit, durability);
      if (fault === 'after') throw new GatewayError('STORE_FULL', { why: 'the connection was lost' });
      return value;
    },
  };
}
