import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../core/clock.ts';
import { type AccountId, brand, type ChatId, type MessageId } from '../core/ids.ts';
import { silentLog } from '../core/log.ts';
import type { Manifest } from '../core/manifest.ts';
import { NotSent, type Outcome } from '../core/outcome.ts';
import type { Part } from '../platforms/contract.ts';
import { cancelPart, markAttempting } from '../store/queries/part.ts';
import { query } from '../store/query.ts';
import { openSqlite } from '../store/sqlite/open.ts';
import type { Store } from '../store/store.ts';
import { failingStore } from '../store/testing.ts';
import { plainDialect } from '../text/plain.ts';
import { type ChatDeps, deliverChat } from './chat.ts';
import { storeDrafts } from './draft.ts';

const rows = query((db, _: Record<never, never>) =>
  db.selectFrom('part').select(['id', 'key', 'state', 'attempt', 'mark', 'message', 'why']).orderBy('id'),
);

let folder = '';
let store: Store;
/** Moves on by itself whenever somebody waits. */
let offset = 0;
const clock: Clock = { ...systemClock, now: () => Date.now() + offset };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'outbox-'));
  store = openSqlite({ file: join(folder, 'gateway.db'), clock, log: silentLog });
  offset = 0;
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const account = brand<AccountId>('fake:1');

async function queue(...texts: string[]): Promise<void> {
  const drafts = texts.map((text, index) => ({
    key: `t:${index}`,
    account,
    at: { chat: brand<ChatId>('7') },
    class: 'reply' as const,
    op: { kind: 'send' as const, body: { text, mode: 'markup', plain: `plain ${text}` } },
  }));
  await store.write((tx) => storeDrafts(tx, drafts, { turn: 'turn_1', trace: 't', now: clock.now() }));
}

/** Delivers with scripted outcomes; a missing one is `sent`. Answers the texts in the order the platform saw them. */
function platform(
  script: (Outcome | Error | 'hang')[] = [],
  more: Partial<Pick<Manifest, 'idempotency'>> = {},
) {
  const seen: string[] = [];
  const dead: string[] = [];
  const deps: ChatDeps = {
    store,
    clock,
    log: silentLog,
    account: {
      id: account,
      manifest: { idempotency: { kind: 'none' }, ...more } as Manifest,
      dialect: plainDialect,
      block: { replyToMode: 'off', onUnknown: 'repeat', home: undefined },
      adapter: {
        deliver: async (part: Part) => {
          if (part.op.kind === 'send') seen.push(part.op.body.text);
          const next = script.shift() ?? { kind: 'sent', id: brand<MessageId>(`m${seen.length}`) };
          if (next === 'hang') return new Promise(() => {});
          if (next instanceof Error) throw next;
          return next;
        },
      },
    },
    pace: async () => 0,
    hold: () => {},
    settled: () => {},
    obituary: (part) => {
      dead.push(part.key);
      return [];
    },
  };
  const run = async () => {
    const signal = new AbortController().signal;
    for (
      let wait = await deliverChat(deps, '7', signal);
      wait !== undefined;
      wait = await deliverChat(deps, '7', signal)
    ) {
      offset += wait;
    }
  };
  return { deps, seen, dead, run };
}

describe('parts of one chat', () => {
  it('leave in order and end sent with the platform id', async () => {
    await queue('one', 'two', 'three');
    const { seen, run } = platform();
    await run();
    expect(seen).toEqual(['one', 'two', 'three']);
    expect((await store.read.all(rows, {})).map((row) => [row.state, row.attempt, row.message])).toEqual([
      ['sent', 1, 'm1'],
      ['sent', 1, 'm2'],
      ['sent', 1, 'm3'],
    ]);
  });

  it('keep their order through rate limits and refused connections', async () => {
    await queue('one', 'two');
    const limited: Outcome = { kind: 'retry', afterMs: 7_000, scope: 'chat', why: '429' };
    const { seen, run } = platform([limited, new NotSent('refused'), limited]);
    await run();
    expect(seen).toEqual(['one', 'one', 'one', 'one', 'two']);
    expect((await store.read.all(rows, {})).map((row) => [row.state, row.attempt, row.mark])).toEqual([
      ['sent', 4, null],
      ['sent', 1, null],
    ]);
  });

  it('are marked when they are repeated after an unknown outcome', async () => {
    await queue('one');
    const { seen, run } = platform([new Error('socket hang up')]);
    await run();
    expect(seen).toEqual(['one', 'one']);
    expect(await store.read.all(rows, {})).toMatchObject([{ state: 'sent', mark: 'maybe_doubled' }]);
  });

  it('are repeated unmarked where the platform takes a key', async () => {
    await queue('one');
    const { run } = platform([new Error('socket hang up')], {
      idempotency: { kind: 'key', windowMs: 60_000 },
    });
    await run();
    expect(await store.read.all(rows, {})).toMatchObject([{ state: 'sent', mark: null }]);
  });

  it('found in flight after a crash count as unknown', async () => {
    await queue('one');
    const [row] = await store.read.all(rows, {});
    await store.write((tx) => tx.run(markAttempting, { id: row!.id, attempt: 1, mark: null }));
    const { seen, run } = platform();
    await run();
    expect(seen).toEqual(['one']);
    expect(await store.read.all(rows, {})).toMatchObject([
      { state: 'sent', attempt: 2, mark: 'maybe_doubled' },
    ]);
  });

  it('go out once more as plain text when the platform refuses the format', async () => {
    await queue('*one*');
    const { seen, run } = platform([{ kind: 'rejected', code: 'bad-format', why: 'entities' }]);
    await run();
    expect(seen).toEqual(['*one*', 'plain *one*']);
    expect(await store.read.all(rows, {})).toMatchObject([{ state: 'sent', mark: null }]);
  });

  it('that the platform refuses end dead with the reason, are told, and do not block the next one', async () => {
    await queue('one', 'two');
    const { seen, dead, run } = platform([{ kind: 'rejected', code: 'gone', why: 'chat not found' }]);
    await run();
    expect(seen).toEqual(['one', 'two']);
    expect(dead).toEqual(['t:0']);
    expect(await store.read.all(rows, {})).toMatchObject([
      { state: 'dead', why: 'gone: chat not found' },
      { state: 'sent' },
    ]);
  });

  it('whose call ignores the end of the process are left as attempting', async () => {
    await queue('one');
    const { deps } = platform(['hang']);
    const stop = new AbortController();
    const delivering = deliverChat(deps, '7', stop.signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort(new Error('stop'));
    await delivering;
    const [row] = await store.read.all(rows, {});
    expect(row).toMatchObject({ attempt: 1 });
    expect(['queued', 'attempting']).toContain(row!.state);
  });

  it('that were sent are not sent again when the store could not take it down at once', async () => {
    await queue('one', 'two');
    const { deps, seen } = platform();
    const faults: ('before' | 'after' | undefined)[] = [undefined, 'before', 'after', 'after', 'before'];
    const shaky = failingStore(store, () => faults.shift());
    const patient: Clock = { ...clock, sleep: async () => {} };
    await deliverChat({ ...deps, store: shaky, clock: patient }, '7', new AbortController().signal);
    expect(seen).toEqual(['one', 'two']);
    expect(await store.read.all(rows, {})).toMatchObject([
      { state: 'sent', attempt: 1, mark: null },
      { state: 'sent', attempt: 1, mark: null },
    ]);
  });

  it('that were taken back while they waited for their turn are not sent', async () => {
    await queue('one', 'two');
    const { deps, seen } = platform();
    const pace = async ({ key }: { readonly key: string }) => {
      if (key === 't:0') await store.write((tx) => tx.run(cancelPart, { key }));
      return 0;
    };
    await deliverChat({ ...deps, pace }, '7', new AbortController().signal);
    expect(seen).toEqual(['two']);
  });

  it('of a chat that must keep quiet wait outside, so that the chat holds no place', async () => {
    await queue('one');
    const { deps, seen } = platform();
    const wait = await deliverChat({ ...deps, pace: async () => 700 }, '7', new AbortController().signal);
    expect([wait, seen]).toEqual([700, []]);
  });

  it('that ended unsent are told about in the same commit', async () => {
    await queue('one');
    const { deps, seen } = platform([{ kind: 'rejected', code: 'too-long', why: 'no' }]);
    const notice = {
      key: 'notice',
      account,
      at: { chat: brand<ChatId>('7') },
      class: 'notice' as const,
      op: { kind: 'send' as const, body: { text: 'it failed', plain: 'it failed' } },
    };
    // The write that would come after the end of the part fails for ever.
    let writes = 0;
    const stop = new AbortController();
    const shaky = failingStore(store, () => {
      writes += 1;
      if (writes === 3) stop.abort();
      return writes > 2 ? 'before' : undefined;
    });
    await deliverChat({ ...deps, store: shaky, obituary: () => [notice] }, '7', stop.signal);
    expect(await store.read.all(rows, {})).toMatchObject([{ state: 'dead' }, { key: 'notice' }]);
    expect(seen).toEqual(['one']);
  });

  it('leave at once after the clock was set back', async () => {
    await queue('one');
    const { deps, seen } = platform();
    offset = -30 * 24 * 60 * 60 * 1000;
    expect(await deliverChat(deps, '7', new AbortController().signal)).toBeUndefined();
    expect(seen).toEqual(['one']);
  });

  it('that certainly failed before are still repeated after one unknown outcome', async () => {
    await queue('one');
    const limited: Outcome = { kind: 'retry', afterMs: 1_000, scope: 'part', why: '429' };
    const { seen, run } = platform([limited, limited, limited, new Error('socket hang up')]);
    await run();
    expect(seen).toHaveLength(5);
    expect(await store.read.all(rows, {})).toMatchObject([{ state: 'sent', mark: 'maybe_doubled' }]);
  });

  it('end the look-up with the process, and are looked up again at the next start', async () => {
    await queue('one');
    const { deps } = platform([new Error('socket hang up')], { idempotency: { kind: 'lookup' } });
    const find = () => new Promise<Outcome>(() => {});
    const looking = { ...deps, account: { ...deps.account, adapter: { ...deps.account.adapter, find } } };
    const stop = new AbortController();
    const delivering = deliverChat(looking, '7', stop.signal);
    await new Promise((resolve) => setTimeout(resolve, 20));
    stop.abort(new Error('stop'));
    await delivering;
    expect(await store.read.all(rows, {})).toMatchObject([{ state: 'attempting', mark: null }]);
  });
});
