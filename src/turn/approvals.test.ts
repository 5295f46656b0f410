import { expect, test } from 'vitest';
import { virtualClock } from '../../testkit/clock.ts';
import type { AgentEvent } from '../core/agent-event.ts';
import { type Asking, Questions } from './approvals.ts';

function bench(allowForEver: Asking['allowForEver'] = undefined) {
  const clock = virtualClock();
  const events: AgentEvent[] = [];
  const questions = new Questions((event) => events.push(event));
  const ask = (key: string, signal = new AbortController().signal) =>
    questions.ask(
      { request: { keys: [key], command: `run ${key}`, why: key }, clock, timeoutMs: 300_000, allowForEver },
      signal,
    );
  const asked = () =>
    events.flatMap((event) => (event.type === 'approval.requested' ? [event.question] : []));
  const answered = () =>
    events.flatMap((event) => (event.type === 'approval.answered' ? [[event.choice, event.by]] : []));
  return { clock, questions, ask, asked, answered };
}

test('questions are answered oldest first, all at once, or by their id', async () => {
  const { questions, ask, asked } = bench();
  const waiting = ['a', 'b', 'c', 'd'].map((key) => ask(key));
  expect(asked().map(({ command, choices }) => [command, choices])).toEqual(
    ['a', 'b', 'c', 'd'].map((key) => [`run ${key}`, ['once', 'session', 'deny']]),
  );
  expect(questions.answer('once', 'oldest')).toBe(1);
  expect(questions.answer('deny', { id: asked()[2]!.id })).toBe(1);
  expect(questions.answer('deny', { id: asked()[2]!.id })).toBe(0);
  expect(questions.answer('once', 'all')).toBe(2);
  expect(questions.answer('once', 'all')).toBe(0);
  expect(await Promise.all(waiting)).toEqual(['allowed', 'allowed', 'denied', 'allowed']);
});

test('silence is refusal after the time, and the end of the turn is refusal at once', async () => {
  const { clock, questions, ask, answered } = bench();
  const silent = ask('a');
  await clock.advance(299_999);
  expect(answered()).toEqual([]);
  await clock.advance(1);
  expect(await silent).toBe('expired');
  const end = new AbortController();
  const cut = ask('b', end.signal);
  end.abort();
  expect(await cut).toBe('denied');
  expect(await ask('c', end.signal)).toBe('denied');
  expect(answered()).toEqual([
    ['deny', 'timeout'],
    ['deny', 'end'],
  ]);
  expect(questions.answer('once', 'all')).toBe(0);
});

test('consent for the rest of the turn is not asked again; once and deny are', async () => {
  const { questions, ask, asked } = bench();
  for (const choice of ['once', 'deny', 'session'] as const) {
    const waiting = ask('a');
    questions.answer(choice, 'oldest');
    await waiting;
  }
  expect(asked()).toHaveLength(3);
  expect(await ask('a')).toBe('allowed');
  expect(asked()).toHaveLength(3);
});

test('consent for ever is offered where it may be given, and reaches less far where not', async () => {
  const kept: string[] = [];
  const may = bench((keys) => kept.push(...keys));
  const first = may.ask('a');
  expect(may.asked()[0]!.choices).toEqual(['once', 'session', 'always', 'deny']);
  may.questions.answer('always', 'oldest');
  expect([await first, kept]).toEqual(['allowed', ['a']]);

  const mayNot = bench();
  const second = mayNot.ask('a');
  mayNot.questions.answer('always', 'oldest');
  expect([await second, mayNot.answered()]).toEqual(['allowed', [['once', 'person']]]);
});
