/** Processes that end in the middle of a turn, and what the next one makes of it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { brand, type SessionKey } from '../core/ids.ts';
import { noUsage } from '../core/message.ts';
import { query } from '../store/query.ts';
import type { Store } from '../store/store.ts';
import { testStore } from '../store/testing.ts';
import { allEnded, endings, engineOn, message, request, textsOf, until } from './testing.ts';

const steps = query((db, _: Record<never, never>) => db.selectFrom('step').selectAll());

let store: Store;
beforeEach(() => {
  store = testStore();
});
const gateway = () => engineOn(store);

describe('a process end', () => {
  it('in a turn of a chat is survived: the turn goes on with its finished steps and is answered once', async () => {
    const before = gateway();
    await before.send(message('do it'));
    const { run, finish } = await until(() => before.runs[0]);
    const call = { id: 'call_1', name: 'write_file', arguments: '{}' };
    await run.journal.model({ role: 'assistant', content: '', toolCalls: [call] }, noUsage);
    await run.journal.toolStarted(call);
    await run.journal.toolDone(call, '{"ok":true}');
    const flying = { id: 'call_2', name: 'terminal', arguments: '{}' };
    await run.journal.toolStarted(flying);

    const after = gateway();
    await after.engine.recover();
    const again = await until(() => after.runs[0]);
    expect(again.run.turn).toBe(run.turn);
    expect(again.run.input).toBe('do it');
    expect(again.run.journal.past).toEqual([
      { kind: 'model', message: { role: 'assistant', content: '', toolCalls: [call] }, usage: noUsage },
      { kind: 'tool', call, result: '{"ok":true}' },
      { kind: 'tool', call: flying },
    ]);
    // The predecessor still runs somewhere: nothing it does counts any more.
    await expect(run.journal.toolDone(flying, '{}')).rejects.toMatchObject({ code: 'FENCED' });
    finish({ text: 'stale answer' });
    again.finish({ text: 'fresh answer' });
    await allEnded(store);
    expect(await textsOf(store, 'reply')).toEqual(['fresh answer']);
    expect(await store.read.all(steps, {})).toEqual([]);
  });

  it('that keeps happening in one turn fails the turn with a notice', async () => {
    const first = gateway();
    await first.send(message('poison'));
    await until(() => first.runs[0]);
    for (let restart = 0; restart < 29; restart += 1) {
      const again = gateway();
      await again.engine.recover();
      await until(() => again.runs[0]);
    }
    const last = gateway();
    await last.engine.recover();
    await allEnded(store);
    expect(last.runs).toHaveLength(0);
    expect((await textsOf(store, 'reply')).join('')).toContain('The request failed');
  });

  it('leaves a live request failed, and the same key runs it again', async () => {
    const before = gateway();
    await before.engine.submit(request('k1'));
    await until(() => before.runs[0]);
    const after = gateway();
    await after.engine.recover();
    expect(await endings(store)).toEqual(['failed: interrupted']);
    // A client without a session gets a lane per request: the second one has another key.
    const handle = await after.engine.submit(request('k1', { sessionKey: brand<SessionKey>('api:other') }));
    (await until(() => after.runs[0])).finish({ text: 'second try' });
    expect(await handle.result).toMatchObject({ status: 'completed', text: 'second try' });
    expect(await endings(store)).toEqual(['answered']);
  });
});
