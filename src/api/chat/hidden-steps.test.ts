import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import type { TurnResult } from '../../core/agent-event.ts';
import { type Message, noUsage } from '../../core/message.ts';
import { hiddenSteps } from './hidden-steps.ts';

const user: Message = { role: 'user', content: 'x' };
const call = { id: 'c', name: 'dice', arguments: '{}' };
const server = { id: 's', name: 'read_file', arguments: '{}' };
const toolResult = (id: string, content: string): Message => ({
  role: 'tool',
  toolCallId: id,
  name: 'n',
  content,
});
/** As the client knows it. */
const shown: Message = { role: 'assistant', content: 'Now.', toolCalls: [call] };
const hidden: readonly Message[] = [
  { role: 'assistant', content: '', toolCalls: [server], meta: { provider: 'p', data: 'opaque' } },
  toolResult('s', 'text of the file'),
  shown,
];
const result = (added: readonly Message[] = hidden): TurnResult => ({
  status: 'completed',
  text: 'Now.',
  messages: [user, ...added],
  usage: noUsage,
  model: 'm',
  provider: 'p',
  modelCalls: 2,
  exit: 'client_tools',
  clientCalls: [call],
});
const limits = { entries: 2, each: 10_000, total: 15_000, ttlMs: 1_000 };

describe('the steps behind an answer with open calls', () => {
  test('come back in its place, wherever in the conversation it stands', () => {
    const steps = hiddenSteps(virtualClock());
    steps.keep('me', [user], result());
    const sent = [user, shown, toolResult('c', '6')];
    expect(steps.restore('me', sent)).toEqual([user, ...hidden, toolResult('c', '6')]);

    const again = { ...shown, content: 'More.' };
    const later = [...hidden.slice(0, 2), again];
    steps.keep('me', sent, result([toolResult('c', '6'), ...later]));
    const longer = [...sent, again, toolResult('c', '5')];
    expect(steps.restore('me', longer)).toEqual([
      ...[user, ...hidden, toolResult('c', '6')],
      ...[...later, toolResult('c', '5')],
    ]);
  });

  test.each<[string, string, Message[]]>([
    ['another caller', 'you', [user, shown]],
    ['another conversation', 'me', [{ ...user, content: 'y' }, shown]],
    ['other arguments', 'me', [user, { ...shown, toolCalls: [{ ...call, arguments: '{"n":2}' }] }]],
    ['another call', 'me', [user, { ...shown, toolCalls: [{ ...call, id: 'd' }] }]],
  ])('stay hidden from %s', (_, scope, messages) => {
    const steps = hiddenSteps(virtualClock());
    steps.keep('me', [user], result());
    expect(steps.restore(scope, messages)).toEqual(messages);
  });

  test('are forgotten by age, by number and by size', async () => {
    const clock = virtualClock();
    const steps = hiddenSteps(clock, limits);
    const known = (content: string) => steps.restore('me', [{ role: 'user', content }, shown]).length > 2;
    const keep = (content: string, size = 10) =>
      steps.keep('me', [{ role: 'user', content }], result([toolResult('s', 'x'.repeat(size)), ...hidden]));
    const large = (content: string, size: number) =>
      steps.keep('me', [{ role: 'user', content }], result([...hidden, toolResult('s', 'x'.repeat(size))]));
    keep('a');
    keep('b');
    keep('c');
    expect(['a', 'b', 'c'].map(known)).toEqual([false, true, true]);
    large('d', 20_000);
    expect(['b', 'c', 'd'].map(known)).toEqual([true, true, false]);
    large('e', 9_000);
    large('f', 9_000);
    expect(['b', 'c', 'e', 'f'].map(known)).toEqual([false, false, false, true]);
    await clock.advance(2_000);
    expect(known('f')).toBe(false);
  });
});
