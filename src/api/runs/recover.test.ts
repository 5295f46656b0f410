import { expect, test } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { noUsage } from '../../core/message.ts';
import { key as apiKey, openFake } from '../testing/open.ts';
import { memoryRuns } from './memory-store.ts';
import type { RunRecord } from './record.ts';
import type { RunStore } from './store.ts';

const record = (more: Partial<RunRecord> = {}): RunRecord => ({
  session: 's',
  model: 'm',
  createdAt: 1_000,
  steers: [],
  isStopping: false,
  ...more,
});

const row = (id: string, body: RunRecord | string = record(), key?: string) => ({
  id,
  scope: '',
  key,
  fingerprint: undefined,
  session: undefined,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

const answered: Awaited<ReturnType<RunStore['turn']>> = {
  kind: 'ended',
  result: {
    status: 'completed',
    text: 'done meanwhile',
    messages: [],
    usage: { ...noUsage, input: 1, output: 2 },
    model: 'm',
    provider: 'p',
    modelCalls: 1,
    exit: 'recorded',
  },
};

/** A server on what an earlier process left, with the turns that `turn` tells of. */
async function after(
  rows: readonly ReturnType<typeof row>[],
  turn: (key: string) => Awaited<ReturnType<RunStore['turn']>>,
  said: readonly string[] = ['{"event":"before"}'],
) {
  // Every caller of this server has the namespace that its first run is stored under.
  const runs = memoryRuns(systemClock);
  let scope = '';
  const probe = await openFake({
    runs: {
      ...runs,
      async create(made) {
        scope = made.scope;
        return runs.create(made);
      },
    },
  });
  const headers = { authorization: `Bearer ${apiKey}` };
  await probe.api.inject({ method: 'POST', url: '/v1/runs', headers, payload: '{"input":"x"}' });
  await probe.api.close();
  for (const each of rows) await runs.create({ ...each, scope });
  for (const { id } of rows) await runs.append(id, { first: 1, events: said }, 1);
  const { api, turns, logs } = await openFake({ runs: { ...runs, turn: async (_source, key) => turn(key) } });
  await api.listen();
  const get = async (path: string) => {
    const reply = await api.inject({ url: `/v1/runs/${path}`, headers });
    return { status: reply.statusCode, text: reply.body };
  };
  return { api, turns, logs, runs, scope, get, [Symbol.asyncDispose]: () => api.close() };
}

const delta = (text: string) => `{"event":"message.delta","delta":"${text}"}`;

test('a run whose turn ended without its process gets the recorded end, and its numbers go on', async () => {
  const whole = [delta('done '), delta('meanwhile')];
  await using it = await after([row('run_a', record({ isStopping: true }))], () => answered, whole);
  expect(JSON.parse((await it.get('run_a')).text)).toMatchObject({
    status: 'completed',
    output: 'done meanwhile',
    usage: { total_tokens: 3 },
    created_at: 1,
  });
  const { text } = await it.get('run_a/events');
  expect(text).toMatch(
    /^id: 1\ndata: .*\n\nid: 2\ndata: .*\n\nid: 3\ndata: .*run\.completed.*\n\n: stream closed\n\n$/,
  );
});

test.each([
  ['its last words', [delta('done ')]],
  ['all of them', []],
  [
    'those of its last step',
    [delta('done meanwhile'), '{"event":"tool.started"}', '{"event":"tool.completed"}'],
  ],
])('an answer that lost %s with its process is told again', async (_, said) => {
  await using it = await after([row('run_a')], () => answered, said);
  const { text } = await it.get('run_a/events');
  const events = [...text.matchAll(/^id: (\d+)\ndata: (.*)$/gm)].map(([, n, json]) => [
    Number(n),
    JSON.parse(json!),
  ]);
  expect(events.map(([n]) => n)).toEqual(events.map((_each, i) => i + 1));
  expect(events.slice(said.length).map(([, event]) => event)).toMatchObject([
    { event: 'run.resumed' },
    { event: 'message.delta', delta: 'done meanwhile' },
    { event: 'run.completed', output: 'done meanwhile' },
  ]);
});

test('a run that was stopped and whose turn was interrupted is cancelled', async () => {
  const interrupted = { ...answered.result, status: 'interrupted' as const };
  await using it = await after([row('run_a', record({ isStopping: true }))], () => ({
    kind: 'ended',
    result: interrupted,
  }));
  expect(JSON.parse((await it.get('run_a')).text).status).toBe('cancelled');
});

test('a run without a turn is interrupted; with a key it makes room for the retry', async () => {
  await using it = await after([row('run_a'), row('run_b', record(), 'k')], () => ({ kind: 'unknown' }));
  expect(JSON.parse((await it.get('run_a')).text)).toMatchObject({
    status: 'interrupted',
    error: 'The gateway restarted before this run settled.',
    last_event: 'run.failed',
  });
  expect((await it.get('run_b')).status).toBe(404);
  expect(await it.runs.byKey(it.scope, 'k')).toBeUndefined();
});

test('a record that cannot be read holds nothing up', async () => {
  await using it = await after([row('run_a', '{broken'), row('run_b')], () => answered);
  expect((await it.get('run_a')).status).toBe(404);
  expect(JSON.parse((await it.get('run_b')).text).status).toBe('completed');
  expect(it.logs.map(({ event }) => event)).toContain('api.run_unreadable');
});
