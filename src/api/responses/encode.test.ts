import { describe, expect, it } from 'vitest';
import type { AgentEvent, TurnResult } from '../../core/agent-event.ts';
import { noUsage } from '../../core/message.ts';
import { type EncoderOptions, ResponseEncoder } from './encode.ts';
import type { ResponseEvent } from './events.ts';
import { expectValidEvents } from './testing.ts';
import { echoOf } from './testing-echo.ts';

const completed: TurnResult = {
  status: 'completed',
  text: '',
  messages: [],
  usage: noUsage,
  model: 'm',
  provider: 'p',
  modelCalls: 1,
  exit: 'text_response',
};

function encode(
  events: readonly AgentEvent[],
  result: Partial<TurnResult> = {},
  options: Partial<EncoderOptions> = {},
) {
  const encoder = new ResponseEncoder({
    echo: echoOf(),
    toolItems: 'function_call',
    reasoning: true,
    streamed: true,
    errorEvent: true,
    clientTools: new Set(),
    ...options,
  });
  const out: ResponseEvent[] = [...encoder.open(), ...events.flatMap((event) => encoder.event(event))];
  out.push(...encoder.finish({ ...completed, ...result }, { cancelled: false, at: 2 }));
  return { events: out, response: encoder.response };
}

const say = (text: string): AgentEvent => ({ type: 'text.delta', text });
const think = (text: string): AgentEvent => ({ type: 'reasoning.delta', text });
const start = (call: string, args = '{}', name = 'terminal'): AgentEvent => ({
  type: 'tool.started',
  call,
  name,
  emoji: '',
  preview: '',
  arguments: args,
});
const end = (call: string, result = 'ok', isError = false): AgentEvent => ({
  type: 'tool.completed',
  call,
  name: 'terminal',
  ms: 5,
  isError,
  result,
});
const types = (items: readonly { type: string }[]) => items.map(({ type }) => type);

describe('the encoder', () => {
  it('keeps the call ids of two interleaved tools apart', () => {
    const { events, response } = encode([start('a'), start('b'), end('b', 'B'), end('a', 'A')], {
      text: 'x',
    });
    expectValidEvents(events);
    expect(response.output).toMatchObject([
      { type: 'function_call', call_id: 'a' },
      { type: 'function_call', call_id: 'b' },
      { type: 'function_call_output', call_id: 'b', output: [{ text: 'B' }] },
      { type: 'function_call_output', call_id: 'a', output: [{ text: 'A' }] },
      { type: 'message' },
    ]);
  });

  it('gives calls that share an id different ones', () => {
    const { events, response } = encode([start('call_0'), end('call_0'), start('call_0'), end('call_0')], {
      text: 'x',
    });
    expectValidEvents(events);
    const ids = response.output.flatMap((item) => ('call_id' in item ? [item.call_id] : []));
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).toBe(ids[3]);
    expect(new Set(ids).size).toBe(2);
  });

  it('says nothing about tools without an id, hidden tools, and ends without a start', () => {
    const { response } = encode([start(''), start('x', '{}', '_thinking'), end('y')], { text: 'x' });
    expect(types(response.output)).toEqual(['message']);
  });

  it('shows thoughts as a summary before what they led to', () => {
    const { events, response } = encode(
      [think('hm'), think(' yes'), start('a'), end('a'), think('so'), say('x')],
      {
        text: 'x',
      },
    );
    expectValidEvents(events);
    expect(types(response.output)).toEqual([
      'reasoning',
      'function_call',
      'function_call_output',
      'reasoning',
      'message',
    ]);
    expect(response.output[0]).toEqual({
      type: 'reasoning',
      id: expect.stringMatching(/^rs_/),
      summary: [{ type: 'summary_text', text: 'hm yes' }],
    });
    expect(types(encode([think('hm')], { text: 'x' }, { reasoning: false }).response.output)).toEqual([
      'message',
    ]);
  });

  it('adds a final text that was never streamed, and words for a turn without any', () => {
    const whole = encode([], { text: 'all of it' });
    expectValidEvents(whole.events);
    expect(types(whole.events)).toContain('response.output_text.delta');
    expect(encode([]).response.output).toMatchObject([{ content: [{ text: '(No response generated)' }] }]);
    const failed = encode([], { status: 'failed', error: { code: 'x', message: 'broken' } });
    expect(failed.response.output).toMatchObject([{ content: [{ text: 'broken' }] }]);
  });

  it('does not say again what was streamed before a tool', () => {
    const { response } = encode([say('Noted.'), { type: 'segment.end' }, start('a'), end('a')], {
      text: 'Noted.',
    });
    expect(types(response.output)).toEqual(['message', 'function_call', 'function_call_output']);
  });

  it('shortens long tool data in the last event only, and leaves JSON whole', () => {
    const long = 'x'.repeat(1_500);
    const { events, response } = encode(
      [start('a', JSON.stringify({ path: long, content: long })), end('a', long)],
      { text: long },
    );
    expectValidEvents(events);
    const done = events.filter((event) => event.type === 'response.output_item.done');
    expect(JSON.stringify(done)).not.toContain('more chars');
    const [call, output, message] = response.output;
    expect(call?.type === 'function_call' && JSON.parse(call.arguments)).toEqual({
      path: long,
      content: '[1500 chars — truncated for response.completed]',
    });
    expect(output).toMatchObject({ output: [{ text: `${'x'.repeat(500)}...[1000 more chars]` }] });
    expect(message).toMatchObject({ content: [{ text: long }] });
    const plain = encode([start('a'), end('a', long)], { text: 'x' }, { streamed: false });
    expect(plain.response.output[1]).toMatchObject({ output: long });
  });

  it('never shortens the arguments of a call that the client has to run', () => {
    const args = JSON.stringify({ content: 'x'.repeat(900) });
    const { response } = encode([], { clientCalls: [{ id: 'a', name: 'write', arguments: args }] });
    expect(response.output).toMatchObject([{ type: 'function_call', arguments: args }]);
  });

  it('ends what still ran when the turn was interrupted', () => {
    const { events, response } = encode([start('a')], { status: 'interrupted', exit: 'interrupted' });
    expectValidEvents(events);
    expect(response).toMatchObject({
      status: 'incomplete',
      output: [{ type: 'function_call' }, { type: 'function_call_output', status: 'incomplete' }],
    });
  });

  it('tells a turn that nobody watched from its messages', () => {
    const messages: TurnResult['messages'] = [
      { role: 'user', content: 'q' },
      {
        role: 'assistant',
        content: 'Looking.',
        reasoning: 'hm',
        toolCalls: [{ id: 'a', name: 'terminal', arguments: '{}' }],
      },
      { role: 'tool', toolCallId: 'a', name: 'terminal', content: 'ok' },
      { role: 'assistant', content: 'Done.' },
    ];
    const { events, response } = encode([], { messages, text: 'Done.' });
    expectValidEvents(events);
    expect(types(response.output)).toEqual([
      'reasoning',
      'message',
      'function_call',
      'function_call_output',
      'message',
    ]);
  });

  it('says which wishes were not met', () => {
    const { events, response } = encode([{ type: 'status', kind: 'warning', text: 'no JSON' }], {
      text: 'x',
    });
    expectValidEvents(events);
    expect(response.warnings).toEqual(['no JSON']);
  });

  it('ends a response whose writer broke, once', () => {
    const encoder = new ResponseEncoder({
      echo: echoOf(),
      toolItems: 'function_call',
      reasoning: true,
      streamed: true,
      errorEvent: true,
      clientTools: new Set(),
    });
    const events = [...encoder.open(), ...encoder.event(say('half')), ...encoder.crash(), ...encoder.crash()];
    expectValidEvents(events);
    expect(events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { output: [{ content: [{ text: 'half' }] }] },
    });
    expect(encoder.event(say(' more'))).toEqual([]);
    expect(encoder.finish(completed, { cancelled: false, at: 2 })).toEqual([]);
  });
});

describe('tools of the server in other words', () => {
  const events = [start('a'), end('a', 'ok'), start('b'), end('b', 'bad', true)];

  it('are one item of our own type on request', () => {
    const { response, events: out } = encode(events, { text: 'x' }, { toolItems: 'hermes:tool_call' });
    expect(response.output).toMatchObject([
      { type: 'hermes:tool_call', call_id: 'a', output: 'ok', status: 'completed', duration_ms: 5 },
      { type: 'hermes:tool_call', call_id: 'b', output: 'bad', status: 'failed' },
      { type: 'message' },
    ]);
    expect(types(out).filter((type) => type.includes('function_call'))).toEqual([]);
  });

  it('are hosted calls of the official API on request', () => {
    const { response } = encode(events, { text: 'x' }, { toolItems: 'mcp_call' });
    expect(response.output).toMatchObject([
      { type: 'mcp_call', server_label: 'hermes', output: 'ok', error: null, status: 'completed' },
      { type: 'mcp_call', output: null, error: 'bad', status: 'failed' },
      { type: 'message' },
    ]);
  });

  it('are hidden where clients know nothing of them, in one message', () => {
    const { response, events: out } = encode(
      [say('Looking. '), { type: 'segment.end' }, ...events, say('\n\nDone.')],
      { text: 'Done.' },
      { toolItems: 'none' },
    );
    expectValidEvents(out);
    expect(response.output).toMatchObject([{ type: 'message', content: [{ text: 'Looking. \n\nDone.' }] }]);
  });
});
