import { describe, expect, test } from 'vitest';
import type { AgentEvent, TurnResult } from '../../core/agent-event.ts';
import { noUsage } from '../../core/message.ts';
import { lostRun, RunEncoder } from './encode.ts';
import { runEvent } from './schema.ts';

const open = (options: { reasoning?: boolean; steers?: readonly string[] } = {}) =>
  new RunEncoder({ run: 'run_1', reasoning: false, now: () => 1_500, ...options });

const result = (more: Partial<TurnResult> = {}): TurnResult => ({
  status: 'completed',
  text: 'done',
  messages: [],
  usage: { ...noUsage, input: 10, output: 5 },
  model: 'm',
  provider: 'p',
  modelCalls: 1,
  exit: 'text_response',
  ...more,
});

const question: AgentEvent = {
  type: 'approval.requested',
  question: {
    id: 'appr_1',
    command: 'rm -r x',
    why: 'recursive delete; other',
    keys: ['recursive delete', 'other'],
    choices: ['once', 'session', 'deny'],
  },
};

/** Everything is held against the published schema. */
const all = (encoder: RunEncoder, ...events: readonly AgentEvent[]) =>
  events.flatMap((event) => encoder.event(event)).map((event) => runEvent.parse(event));

const base = { run_id: 'run_1', timestamp: 1.5 };

describe('events', () => {
  test('text and tools, as documented', () => {
    const encoder = open();
    expect(encoder.status).toBe('queued');
    const tool = { call: 'c', name: 'terminal', emoji: '' };
    expect(
      all(
        encoder,
        { type: 'turn.started', model: 'm', provider: 'p' },
        { type: 'text.delta', text: 'Hel' },
        { type: 'segment.end' },
        { type: 'tool.started', ...tool, preview: 'ls', arguments: '{}' },
        { type: 'tool.started', ...tool, preview: '', arguments: '{}' },
        { type: 'tool.completed', ...tool, ms: 1234.4, isError: true, result: 'secret' },
        { type: 'tool.started', ...tool, name: '_thinking', preview: 'x', arguments: '{}' },
        { type: 'tool.completed', ...tool, name: '_thinking', ms: 1, isError: false, result: '' },
        { type: 'status', kind: 'warning', text: 'w' },
        { type: 'usage', usage: noUsage },
      ),
    ).toEqual([
      { event: 'message.delta', ...base, delta: 'Hel' },
      { event: 'tool.started', ...base, tool: 'terminal', preview: 'ls' },
      { event: 'tool.started', ...base, tool: 'terminal', preview: null },
      { event: 'tool.completed', ...base, tool: 'terminal', duration: 1.234, error: true },
    ]);
    expect([encoder.status, encoder.details.last_event]).toEqual(['running', 'tool.completed']);
  });

  test('reasoning is told when it is complete, and while it is made only on wish', () => {
    const thoughts: AgentEvent[] = [
      { type: 'reasoning.delta', text: 'I ' },
      { type: 'reasoning.delta', text: 'think' },
      { type: 'text.delta', text: 'so' },
    ];
    expect(all(open(), ...thoughts).map(({ event }) => event)).toEqual([
      'reasoning.available',
      'message.delta',
    ]);
    const live = all(open({ reasoning: true }), ...thoughts);
    expect(live.slice(0, 3)).toEqual([
      { event: 'reasoning.delta', ...base, delta: 'I ' },
      { event: 'reasoning.delta', ...base, delta: 'think' },
      { event: 'reasoning.available', ...base, text: 'I think' },
    ]);
    const silent = open();
    silent.event({ type: 'reasoning.delta', text: 'only this' });
    expect(silent.finish(result(), false).events.map(({ event }) => event)).toEqual([
      'reasoning.available',
      'run.completed',
    ]);
  });

  test('a question is open until it is answered', () => {
    const encoder = open();
    encoder.event({ type: 'turn.started', model: 'm', provider: 'p' });
    const asked = {
      request_id: 'appr_1',
      command: 'rm -r x',
      description: 'recursive delete; other',
      pattern_key: 'recursive delete',
      pattern_keys: ['recursive delete', 'other'],
      choices: ['once', 'session', 'deny'],
    };
    expect(all(encoder, question)).toEqual([{ event: 'approval.request', ...base, ...asked }]);
    expect([encoder.status, encoder.details.approval]).toEqual(['waiting_for_approval', asked]);
    expect(
      all(encoder, { type: 'approval.answered', id: 'appr_1', choice: 'session', by: 'person' }),
    ).toEqual([
      { event: 'approval.responded', ...base, choice: 'session', resolved: 1, request_id: 'appr_1' },
    ]);
    expect([encoder.status, encoder.details.approval]).toEqual(['running', undefined]);
  });

  test('guidance waits until the model has read it', () => {
    const encoder = open({ steers: ['before'] });
    expect(encoder.steered('now').map((event) => runEvent.parse(event))).toEqual([
      { event: 'run.steered', ...base, accepted: true },
    ]);
    expect(encoder.details.pending_steer).toBe('before\nnow');
    encoder.event({ type: 'steered', text: 'before\nnow' });
    expect(encoder.details.pending_steer).toBeUndefined();
  });
});

describe('the end', () => {
  const usage = { input_tokens: 10, output_tokens: 5, total_tokens: 15 };

  test.each<[string, Partial<TurnResult>, boolean, object, object]>([
    [
      'an answer',
      {},
      false,
      { status: 'completed', output: 'done', usage },
      { event: 'run.completed', output: 'done', usage },
    ],
    [
      'an answer that came before the stop',
      {},
      true,
      { status: 'completed', output: 'done', usage },
      { event: 'run.completed', output: 'done', usage },
    ],
    [
      '87. a structured failure',
      { status: 'failed', text: '', error: { code: 'billing', message: 'No credits.' } },
      false,
      { status: 'failed', error: 'No credits.' },
      { event: 'run.failed', error: 'No credits.' },
    ],
    [
      'half an answer',
      { status: 'partial', error: { code: 'truncated', message: 'cut' } },
      false,
      { status: 'completed', output: 'done', usage, incomplete_details: { reason: 'truncated' } },
      { event: 'run.completed', output: 'done', usage, incomplete_details: { reason: 'truncated' } },
    ],
    [
      'no answer',
      { status: 'partial', text: '', exit: 'empty_response' },
      false,
      { status: 'failed', error: 'The run ended without an answer.' },
      { event: 'run.failed', error: 'The run ended without an answer.' },
    ],
    ['a stop', { status: 'interrupted' }, true, { status: 'cancelled' }, { event: 'run.cancelled' }],
    [
      'an interruption nobody asked for',
      { status: 'interrupted', error: { code: 'interrupted', message: lostRun } },
      false,
      { status: 'interrupted', error: lostRun },
      { event: 'run.failed', error: lostRun },
    ],
  ])('%s', (_name, more, stopped, settled, event) => {
    const end = open().finish(result(more), stopped);
    expect(end.settled).toEqual(settled);
    expect(end.events.map((each) => runEvent.parse(each))).toEqual([{ ...base, ...event }]);
  });

  test('guidance that came too late is told', () => {
    const encoder = open();
    encoder.steered('too late');
    const { settled, events } = encoder.finish(result(), false);
    expect(settled.pending_steer).toBe('too late');
    expect(events).toMatchObject([{ event: 'run.completed', pending_steer: 'too late' }]);
  });
});
