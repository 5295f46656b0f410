/** An agent that takes time, journals its steps, listens to steering, and names in its answer what it read. */
import type { Agent, AgentRun } from '../../src/agent/contract.ts';
import type { TurnResult } from '../../src/core/agent-event.ts';
import type { Clock } from '../../src/core/clock.ts';
import { GatewayError } from '../../src/core/errors.ts';
import { type Message, noUsage, textOf } from '../../src/core/message.ts';
import type { Random } from '../kill/random.ts';

export function simulatedAgent(random: Random, clock: Clock): Agent {
  return {
    model: { name: 'sim', provider: 'sim', isDemo: false },
    close: async () => {},
    async run(run) {
      try {
        return await work(run, random, clock);
      } catch (error) {
        const code = error instanceof GatewayError ? error.code : 'INTERNAL';
        const read: Message[] = [{ role: 'user', content: run.input }];
        return result('failed', read, '', { code, message: String(error) });
      }
    },
  };
}

async function work(run: AgentRun, random: Random, clock: Clock): Promise<TurnResult> {
  const messages: Message[] = [{ role: 'user', content: run.input }];
  const steps = Math.floor(random() * 3);
  for (let step = run.journal.past.length; step < steps; step += 1) {
    await clock.sleep(random() * 2_000, run.signal);
    if (run.signal.aborted) return result('interrupted', messages, '');
    const call = { id: `call_${step}`, name: 'todo', arguments: '{}' };
    await run.journal.model({ role: 'assistant', content: '', toolCalls: [call] }, noUsage);
    await run.journal.toolStarted(call);
    await run.journal.toolDone(call, 'ok');
    const steering = run.takeSteering();
    if (steering !== undefined) messages.push({ role: 'user', content: steering });
  }
  await clock.sleep(random() * 4_000, run.signal);
  if (run.signal.aborted) return result('interrupted', messages, '');
  const read = messages.map((message) => textOf(message.content)).join(' ');
  return result('completed', messages, `read: ${read.replaceAll('\n', ' ')}`);
}

function result(
  status: TurnResult['status'],
  messages: readonly Message[],
  text: string,
  error?: TurnResult['error'],
): TurnResult {
  return {
    status,
    text,
    messages: text === '' ? messages : [...messages, { role: 'assistant', content: text }],
    usage: noUsage,
    model: 'sim',
    provider: 'sim',
    modelCalls: 1,
    exit: status,
    ...(error ? { error } : {}),
  };
}
