import { expect, it } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import { brand, type SessionKey, type TraceId, type TurnId } from '../core/ids.ts';
import { watchInactivity } from './inactivity.ts';
import { RunningTurn } from './running.ts';

const turn = () =>
  new RunningTurn(
    {
      turn: brand<TurnId>('turn_1'),
      trace: brand<TraceId>('t'),
      key: brand<SessionKey>('lane'),
      source: 'telegram:1',
      consumer: 'chat',
      isRequest: false,
    },
    () => {},
  );

it('a turn without any event is stopped after the limit, and tokens keep it going', async () => {
  const clock = virtualClock();
  const running = turn();
  const end = watchInactivity(clock, 60_000, running);
  for (let second = 0; second < 200; second += 50) {
    await clock.advance(50_000);
    running.emit({ type: 'text.delta', text: '.' });
  }
  expect(running.signal.aborted).toBe(false);
  await clock.advance(59_000);
  expect(running.signal.aborted).toBe(false);
  await clock.advance(2_000);
  expect(running.signal.reason).toMatchObject({ kind: 'inactive' });
  end();
});

it('no limit, or a turn that ended, leaves no timer', async () => {
  const clock = virtualClock();
  const unlimited = turn();
  watchInactivity(clock, 0, unlimited);
  const ended = turn();
  watchInactivity(clock, 60_000, ended)();
  await clock.advance(3_600_000);
  expect([unlimited.signal.aborted, ended.signal.aborted]).toEqual([false, false]);
});
