/** Turns as they come: arbitrary events for property tests. Tests only. */
import fc from 'fast-check';
import type { AgentEvent } from '../../core/agent-event.ts';

export const words = fc.constantFrom('', ' ', '\n\n', 'one', ' two', 'drei 🎈', '\n', '{"a":1}');
/** Few ids, so that calls meet the same one again; one is too long for clients. */
export const call = fc.constantFrom('', 'call_0', 'call_1', 'x'.repeat(80));
const name = fc.constantFrom('terminal', 'read_file', '_thinking', 'get_weather');

/** Anything a turn may emit, also what makes no sense. */
export const agentEvent: fc.Arbitrary<AgentEvent> = fc.oneof(
  { weight: 4, arbitrary: words.map((text) => ({ type: 'text.delta' as const, text })) },
  { weight: 2, arbitrary: words.map((text) => ({ type: 'reasoning.delta' as const, text })) },
  fc.constant({ type: 'segment.end' as const }),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('tool.started' as const),
      call,
      name,
      emoji: fc.constant(''),
      preview: fc.constant(''),
      arguments: fc.constantFrom('', '{}', '{"path":"a"}', '{"half'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('tool.completed' as const),
      call,
      name,
      ms: fc.nat(2_000),
      isError: fc.boolean(),
      result: words,
    }),
  },
  fc.constant({ type: 'status' as const, kind: 'warning', text: 'not met' }),
  fc.constant({ type: 'turn.started' as const, model: 'm', provider: 'p' }),
);
