import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TurnResult } from '../../core/agent-event.ts';
import { type Message, noUsage } from '../../core/message.ts';
import { type EncoderOptions, type End, ResponseEncoder } from './encode.ts';
import { echoOf } from './testing-echo.ts';
import { agentEvent, call, words } from './testing-events.ts';
import { readGrammar } from './testing-grammar.ts';
import { expectValidEvents } from './testing-schema.ts';
import { toolItemKinds } from './tool-items.ts';

const clientCall = fc.record({
  id: call,
  name: fc.constant('get_weather'),
  arguments: fc.constantFrom('', '{"town":"Rome"}'),
});

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    role: fc.constant('assistant' as const),
    content: words,
    toolCalls: fc.array(clientCall, { maxLength: 2 }),
    meta: fc.constant({ provider: 'p', data: { signature: 'secret' } }),
  }),
  fc.record({
    role: fc.constant('tool' as const),
    toolCallId: call,
    name: fc.constant('terminal'),
    content: words,
  }),
);

const result: fc.Arbitrary<TurnResult> = fc
  .record({
    status: fc.constantFrom(
      'completed' as const,
      'partial' as const,
      'failed' as const,
      'interrupted' as const,
    ),
    text: words,
    exit: fc.constantFrom('text_response', 'truncated', 'max_iterations', 'interrupted'),
    messages: fc.array(message, { maxLength: 4 }),
    calls: fc.array(clientCall, { minLength: 1, maxLength: 3 }),
    withCalls: fc.boolean(),
    error: fc.option(fc.constant({ code: 'rate_limit', message: 'slow down' }), { nil: undefined }),
  })
  .map(({ calls, withCalls, error, ...facts }) => ({
    ...facts,
    usage: noUsage,
    model: 'm',
    provider: 'p',
    modelCalls: 1,
    ...(withCalls && facts.status === 'completed' ? { clientCalls: calls } : {}),
    ...(error === undefined || facts.status === 'completed' ? {} : { error }),
  }));

const manner = fc.record({
  toolItems: fc.constantFrom(...toolItemKinds),
  reasoning: fc.boolean(),
  streamed: fc.boolean(),
  seal: fc.constantFrom(undefined, (text: string) => Buffer.from(text).toString('base64url')),
});

function encoderFor(options: Pick<EncoderOptions, 'toolItems' | 'reasoning' | 'streamed' | 'seal'>) {
  return new ResponseEncoder({
    echo: echoOf(),
    errorEvent: true,
    clientTools: new Set(['get_weather']),
    ...options,
  });
}

it('whatever a turn does, its stream is grammatical and ends with exactly what it told', () => {
  fc.assert(
    fc.property(
      fc.array(agentEvent, { maxLength: 30 }),
      result,
      manner,
      fc.boolean(),
      (events, ended, how, cancelled) => {
        const encoder = encoderFor(how);
        const out = [...encoder.open(), ...events.flatMap((event) => encoder.event(event))];
        const end: End = { cancelled, at: 2 };
        out.push(...encoder.finish(ended, end));
        expectValidEvents(out.filter((event) => !isOwn(event)).map(numbered));
        expect(readGrammar(out)).toEqual(encoder.response);
        expect(encoder.event({ type: 'text.delta', text: 'late' })).toEqual([]);
        expect(encoder.finish(ended, end)).toEqual([]);
      },
    ),
    { numRuns: 400 },
  );
});

it('a stream whose writer broke at any point is grammatical, too', () => {
  fc.assert(
    fc.property(fc.array(agentEvent, { maxLength: 20 }), manner, (events, how) => {
      const encoder = encoderFor(how);
      const out = [...encoder.open(), ...events.flatMap((event) => encoder.event(event)), ...encoder.crash()];
      expect(readGrammar(out)).toMatchObject({ status: 'failed', output: encoder.response.output });
      expect(encoder.crash()).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

it('a snapshot at any point shows what was told until then', () => {
  fc.assert(
    fc.property(fc.array(agentEvent, { maxLength: 20 }), manner, (events, how) => {
      const encoder = encoderFor(how);
      encoder.open();
      for (const event of events) {
        const told = encoder.event(event);
        const { output, status } = encoder.response;
        expect(status).toBe('in_progress');
        for (const each of told) {
          if (each.type === 'response.output_item.added')
            expect(output[each.output_index]?.id).toBe(each.item.id);
        }
      }
    }),
    { numRuns: 100 },
  );
});

const numbered = (event: object, sequence_number: number) => ({ ...event, sequence_number });

/** Events with items of our own types are judged by their rules in the tests of whole servers. */
const isOwn = (event: object) => /"type":"(hermes:tool_call|mcp_call)"/.test(JSON.stringify(event));
