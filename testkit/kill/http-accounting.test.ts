import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { testFolder } from '../../src/store/testing.ts';
import type { Clients } from './clients.ts';
import { accountHttp } from './http-accounting.ts';
import { answerTo } from './questions.ts';
import type { SeenResponse } from './responders.ts';
import type { Heard, SeenRun } from './runners.ts';

/** The tables as the product makes them, with nothing in them. */
async function database(): Promise<DatabaseSync> {
  const file = join(testFolder(), 'gateway.db');
  await openSqlite({ file, clock: systemClock, log: silentLog }).close();
  const db = new DatabaseSync(file);
  onTestFinished(() => db.close());
  return db;
}

const told = (...events: readonly object[]): Heard[] =>
  events.map((event, i) => ({ n: i + 1, json: JSON.stringify(event) }));
const delta = (text: string) => ({ event: 'message.delta', delta: text });
const resumed = { event: 'run.resumed' };
const completed = (output: string) => ({ event: 'run.completed', output });
const gone =
  'The gateway was restarted, and the files of the request were not stored. Send the request again.';

/** A run that was cut once and then answered. */
const text = 'r0-1';
const output = answerTo({ text, withFile: false });
const heard = told(delta('echo: r0-'), resumed, delta(output), completed(output));
const goodRun: SeenRun = {
  text,
  withFile: false,
  ids: ['run_1'],
  heard,
  again: heard,
  status: 'completed',
  output,
  error: undefined,
};
const withStory = (...events: readonly object[]): SeenRun => ({
  ...goodRun,
  heard: told(...events),
  again: told(...events),
});

const response = (of: string, id: string, more: Partial<SeenResponse> = {}): SeenResponse => ({
  text: of,
  withFile: false,
  id,
  status: 'completed',
  output: answerTo({ text: of, withFile: false }),
  error: undefined,
  cuts: [],
  ...more,
});
const withoutFile = { withFile: true, status: 'failed', output: gone, error: gone };

/** What happened, where it differs from a world in which everything is as promised. */
interface Scene {
  readonly run?: SeenRun;
  readonly refused?: string;
  readonly polled?: SeenResponse;
  readonly filed?: SeenResponse;
  readonly streamed?: SeenResponse;
  readonly answer?: string;
  /** Runs when all is stored. */
  readonly sql?: string;
}

const clients = <T extends { readonly text: string }>(seen: readonly T[]): Clients<T> => ({
  asked: seen.map((each) => each.text),
  seen,
  wrong: [],
  stop: async () => {},
});

async function look(scene: Scene) {
  const db = await database();
  const inbound = db.prepare(
    `insert into inbound (account, key, trace, state, session_key, turn, consumer, ready_at, body, raw, created_at)
     values ('api_server', ?, 't', ?, 's', ?, 'chat', 0, '', '', 0)`,
  );
  inbound.run('idem:p', 'answered', 'turn_p');
  inbound.run('run_1', 'answered', 'turn_r');
  inbound.run('idem:b', 'answered', 'turn_b');
  inbound.run('idem:f', 'failed', 'turn_f');
  inbound.run('idem:s', 'answered', 'turn_s');
  db.prepare(
    "insert into run (id, scope, state, key, body, updated_at) values ('run_1', '', 'ended', ?, ?, 0)",
  ).run(text, JSON.stringify({ settled: { status: 'completed' } }));
  const message = db.prepare(
    "insert into message (session_id, turn, body, created_at) values ('run_1', 'turn_r', ?, 0)",
  );
  message.run(JSON.stringify({ role: 'user', content: text }));
  message.run(JSON.stringify({ role: 'assistant', content: '', toolCalls: [{ id: 'c' }] }));
  message.run(JSON.stringify({ role: 'assistant', content: output }));
  const stored = db.prepare(
    "insert into response (id, scope, state, turn_key, body, accessed_at) values (?, '', 'ended', 'k', ?, 0)",
  );
  for (const [id, status] of [
    ['resp_b', 'completed'],
    ['resp_f', 'failed'],
    ['resp_cut', 'incomplete'],
    ['resp_s', 'completed'],
  ]) {
    stored.run(id!, JSON.stringify({ response: { status } }));
  }
  if (scene.sql !== undefined) db.exec(scene.sql);
  const cuts = [{ id: 'resp_cut', status: 'incomplete' }];
  const { refused } = scene;
  const runs = clients([scene.run ?? goodRun]);
  return accountHttp(db, {
    programs: {
      asked: [{ who: 'p0', text: 'p0-0' }],
      answered: new Map([['p0-0', scene.answer ?? 'echo: p0-0']]),
      stop: async () => {},
    },
    runs: refused === undefined ? runs : { ...runs, seen: [], wrong: [refused] },
    polled: clients([
      scene.polled ?? response('b0-1', 'resp_b'),
      scene.filed ?? response('b0-2', 'resp_f', withoutFile),
    ]),
    streamed: clients([scene.streamed ?? response('s0-1', 'resp_s', { cuts })]),
  });
}

const wrongIn = async (scene: Scene) => (await look(scene)).wrong.join('\n');

describe('the accounting of HTTP', () => {
  it('is content when everything adds up, and counts what was survived', async () => {
    expect(await look({})).toEqual({
      counts: { requests: 4, runs: 1, resumed: 1, background: 2, streamed: 1, cuts: 1, filesGone: 1 },
      wrong: [],
    });
  });

  it.each<[string, SeenRun, RegExp]>([
    ['was started twice', { ...goodRun, ids: ['run_1', 'run_2'] }, /started 2 times/],
    ['was given another answer', { ...goodRun, output: 'echo: r7-7' }, /answered with "echo: r7-7"/],
    ['ended without one', { ...goodRun, status: 'interrupted', output: undefined }, /ended interrupted/],
    [
      'left a number out',
      { ...goodRun, heard: heard.map(({ n, json }) => ({ n: n > 2 ? n + 1 : n, json })) },
      /event 4 came as number 3/,
    ],
    ['said a number twice', { ...goodRun, heard: [heard[0]!, ...heard] }, /event 1 came as number 2/],
    ['tells a later reader less', { ...goodRun, again: heard.slice(1) }, /later reader something else/],
    ['has no last event', withStory(delta(output)), /has 0 last events/],
    ['has two', withStory(delta(output), completed(output), completed(output)), /has 2 last events/],
    ['goes on behind its end', withStory(completed(output), delta(output)), /has 1 last events/],
    [
      'ended in two ways',
      withStory(delta(output), { event: 'run.failed', error: 'x' }),
      /last event run.failed/,
    ],
    ['has two outputs', withStory(delta(output), completed('else')), /two outputs: "else"/],
    [
      'doubled words in one telling',
      withStory(delta('echo: '), delta(output), completed(output)),
      /said "echo: echo:/,
    ],
    ['lost its last words', withStory(delta('echo: '), completed(output)), /not told to its end: "echo: "/],
  ])('finds a run that %s', async (_, run, expected) => {
    expect(await wrongIn({ run })).toMatch(expected);
  });

  it.each<[string, Scene, RegExp]>([
    ['a run that nobody got', { refused: 'r0-1: /v1/runs answered 500: {}' }, /answered 500/],
    ['a run that is open for ever', { sql: "update run set state = 'open'" }, /r0-1 is open for ever/],
    ['a run that was forgotten', { sql: 'delete from run' }, /r0-1 is not stored/],
    [
      'a run nobody asked for',
      { sql: "insert into run select 'run_9', scope, state, 'k', fingerprint, body, 0 from run" },
      /1 runs were started, 2 are stored/,
    ],
    ['a run kept with another end', { sql: "update run set body = '{}'" }, /is kept as undefined/],
    [
      'a run that answered twice',
      {
        sql: 'insert into message (session_id, turn, body, created_at) select session_id, turn, body, 0 from message',
      },
      /2 recorded answers/,
    ],
    [
      'a response in progress for ever',
      { sql: "update response set state = 'open' where id = 'resp_b'" },
      /resp_b is open for ever/,
    ],
    [
      'a response that changed its end',
      { sql: `update response set body = '{"response":{"status":"failed"}}' where id = 'resp_b'` },
      /was completed and is kept as failed/,
    ],
    [
      'a background answer of another one',
      { polled: response('b0-1', 'resp_b', { output: 'echo: b0-9' }) },
      /answered with "echo: b0-9"/,
    ],
    [
      'an answer without the file',
      { filed: response('b0-2', 'resp_b', { withFile: true, output: 'no file came with b0-2' }) },
      /"no file came with b0-2"/,
    ],
    [
      'a lost file that is not named',
      { filed: response('b0-2', 'resp_f', { ...withoutFile, error: 'oops' }) },
      /b0-2 ended failed: oops/,
    ],
    [
      'a cut stream that is in progress',
      { streamed: response('s0-1', 'resp_s', { cuts: [{ id: 'resp_cut', status: 'in_progress' }] }) },
      /cut stream of s0-1 is kept as in_progress/,
    ],
    [
      'a stream that fails',
      { streamed: response('s0-1', 'resp_s', { status: 'incomplete' }) },
      /s0-1 ended incomplete/,
    ],
    [
      'a request that was answered without being recorded',
      { sql: "delete from inbound where key = 'idem:s'" },
      /4 requests were answered, 3 are recorded/,
    ],
    [
      'a request that still waits',
      { sql: "update inbound set state = 'pending' where key = 'idem:s'" },
      /1 requests are pending/,
    ],
    [
      'a request that failed unseen',
      { sql: "update inbound set state = 'failed' where key = 'idem:s'" },
      /1 requests lost their files, 2 are recorded/,
    ],
    ['an answer of another program', { answer: 'echo: p1-0' }, /got the answer of another one/],
  ])('finds %s', async (_, scene, expected) => {
    expect(await wrongIn(scene)).toMatch(expected);
  });
});
