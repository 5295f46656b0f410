/** Messages that come while their conversation is at work, in each of the modes. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Store } from '../store/store.ts';
import { testStore } from '../store/testing.ts';
import { allEnded, type EngineOptions, endings, engineOn, message, textsOf, until } from './testing.ts';

let store: Store;
beforeEach(() => {
  store = testStore();
});
const gateway = (options: EngineOptions) => engineOn(store, options);

describe('a message for a busy conversation', () => {
  it('interrupts the turn: the old answer is not sent, the new turn reads the text', async () => {
    let passed = 0;
    const clock: Clock = { ...systemClock, monotonic: () => performance.now() + passed };
    const { send, runs } = gateway({ busyMode: 'interrupt', clock });
    await send(message('one'));
    await until(() => runs[0]);
    passed = 5_000;
    await send(message('two'));
    const { run, finish } = await until(() => runs[1]);
    expect(run.input).toBe('two');
    expect(run.history).toEqual([{ role: 'user', content: 'one' }]);
    finish({ text: 'about two' });
    await allEnded(store);
    expect(await textsOf(store, 'reply')).toEqual(['about two']);
    expect((await textsOf(store, 'notice')).join('')).toContain('Interrupting current task');
  });

  it('waits when it comes right after the start', async () => {
    const { send, runs } = gateway({ busyMode: 'interrupt' });
    await send(message('one'));
    const { run, finish } = await until(() => runs[0]);
    await send(message('and one more thing'));
    expect(run.signal.aborted).toBe(false);
    finish();
    (await until(() => runs[1])).finish();
    await allEnded(store);
    expect(runs.map((each) => each.run.input)).toEqual(['one', 'and one more thing']);
  });

  it('is answered by its own turn in queue mode', async () => {
    const { send, runs } = gateway({ busyMode: 'queue' });
    await send(message('one'));
    await until(() => runs[0]);
    await send(message('two'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await send(message('three'));
    for (const index of [0, 1, 2]) (await until(() => runs[index])).finish({ text: `answer ${index}` });
    await allEnded(store);
    expect(runs.map((each) => each.run.input)).toEqual(['one', 'two', 'three']);
    expect(await textsOf(store, 'reply')).toEqual(['answer 0', 'answer 1', 'answer 2']);
  });

  it('is read by the running turn in steer mode, and by the next one when it comes too late', async () => {
    const { send, runs } = gateway({ busyMode: 'steer' });
    await send(message('one'));
    const { run, finish } = await until(() => runs[0]);
    await send(message('use pnpm'));
    expect(await until(() => run.takeSteering())).toBe('use pnpm');
    await send(message('and yarn'));
    finish();
    (await until(() => runs[1])).finish();
    await allEnded(store);
    expect(runs.map((each) => each.run.input)).toEqual(['one', 'and yarn']);
    expect(await textsOf(store, 'reply')).toHaveLength(2);
  });

  it('that says /stop ends the turn at once and drops what waits behind it', async () => {
    const { send, runs, woken } = gateway({ busyMode: 'queue' });
    await send(message('one'));
    const { run } = await until(() => runs[0]);
    await send(message('two'));
    await send(message('/stop'));
    await until(() => run.signal.aborted);
    await allEnded(store);
    expect(runs).toHaveLength(1);
    expect(await endings(store)).toEqual(['answered: interrupted', 'declined: stopped', 'answered: command']);
    expect(woken).toContain('7');
    expect(await textsOf(store, 'reply')).toEqual([]);
  });
});
