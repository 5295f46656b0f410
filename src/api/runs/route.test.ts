import { once } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import type { ApprovalQuestion } from '../../core/agent-event.ts';
import { systemClock } from '../../core/clock.ts';
import { noUsage } from '../../core/message.ts';
import type { FakeTurn } from '../testing/fake-turns.ts';
import { key as apiKey, type OpenOptions, openFake, rawSocket } from '../testing/open.ts';
import { agent, fakeTools } from '../testing/tools.ts';
import { memoryRuns } from './memory-store.ts';

const readsOnly = {
  profile: undefined,
  alsoAllow: [],
  allow: ['read'],
  deny: [],
  toolsets: undefined,
};

const hang = (turn: FakeTurn) =>
  turn.emit({ type: 'turn.started', model: 'scripted-model', provider: 'scripted' });

const question = (id: string, more: Partial<ApprovalQuestion> = {}): ApprovalQuestion => ({
  id,
  command: 'rm -r x',
  why: 'recursive delete',
  keys: ['recursive delete'],
  choices: ['once', 'session', 'always', 'deny'],
  ...more,
});

async function bench(options: OpenOptions = {}) {
  const { api, turns, logs } = await openFake({ script: hang, ...options });
  const headers = { authorization: `Bearer ${apiKey}` };
  const get = async (url: string, more: Record<string, string> = {}) => {
    const reply = await api.inject({ url: `/v1/runs${url}`, headers: { ...headers, ...more } });
    return { status: reply.statusCode, body: reply.json(), text: reply.body, headers: reply.headers };
  };
  const post = async (url: string, body: unknown = {}, more: Record<string, string> = {}) => {
    const reply = await api.inject({
      method: 'POST',
      url: `/v1/runs${url}`,
      headers: { ...headers, ...more },
      payload: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: reply.statusCode, body: reply.json(), headers: reply.headers };
  };
  /** Starts a run; its turn has told that it runs. */
  const start = async (body: object = {}, more: Record<string, string> = {}) => {
    const next = turns.next();
    const reply = await post('', { input: 'x', ...body }, more);
    expect([reply.status, reply.body]).toEqual([
      202,
      { run_id: reply.body.run_id, status: 'started', replayed: false },
    ]);
    const turn = await next;
    return { id: String(reply.body.run_id), turn, headers: reply.headers };
  };
  const events = async (id: string, more: Record<string, string> = {}) => {
    const reply = await api.inject({ url: `/v1/runs/${id}/events`, headers: { ...headers, ...more } });
    return { status: reply.statusCode, text: reply.body };
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { api, turns, logs, get, post, start, events, settle, [Symbol.asyncDispose]: () => api.close() };
}

const code = (reply: {
  readonly status: number;
  readonly body: { readonly error?: { readonly code: string } };
}) => [reply.status, reply.body.error?.code];

describe('POST /v1/runs with agents', () => {
  const told = 'what only beta was told';
  const list = [agent('main'), agent('beta', { tools: [readsOnly] })];
  const secret = async () => {
    const it = await bench({ agents: { list }, tools: fakeTools() });
    it.turns.script = (turn) => turn.end({ text: 'noted' });
    const reply = await it.api.inject({
      method: 'POST',
      url: '/v1/responses',
      headers: { authorization: `Bearer ${apiKey}` },
      payload: JSON.stringify({ model: 'openclaw/beta', input: told }),
    });
    it.turns.script = hang;
    return { it, response: String(reply.json().id), session: String(reply.headers['x-hermes-session-id']) };
  };

  test('a response of one agent is not continued by another one', async () => {
    const { it, response, session } = await secret();
    await using _ = it;
    const other = await it.start({ previous_response_id: response });
    expect(JSON.stringify(other.turn.request)).not.toContain(told);
    expect(other.turn.request.sessionId).not.toBe(session);
    const same = await it.start({ model: 'openclaw/beta', previous_response_id: response });
    expect(JSON.stringify(same.turn.request)).toContain(told);
    expect(same.turn.request.sessionId).toBe(session);
  });

  test('a session belongs to its agent, whoever is named beside it', async () => {
    const { it, session } = await secret();
    await using _ = it;
    const { turn } = await it.start({ session_id: session });
    expect(turn.request.tools).toEqual(['read_file']);
    const refused = await it.post('', { input: 'x', model: 'openclaw/main', session_id: session });
    expect([refused.status, refused.body.error.param]).toEqual([400, 'session_id']);
  });
});

describe('POST /v1/runs', () => {
  test('89. explicit session, instructions, model and consent reach the turn', async () => {
    await using it = await bench();
    const { id, turn, headers } = await it.start({
      session_id: 'mine',
      instructions: 'be brief',
      model: 'gpt-5',
      model_options: { reasoning_effort: 'high' },
    });
    expect(id).toMatch(/^run_[0-9a-f]{32}$/);
    expect(turn.request).toMatchObject({
      source: 'api_server',
      key: id,
      sessionId: 'mine',
      history: 'stored',
      input: 'x',
      ephemeralSystem: 'be brief',
      model: { reasoningEffort: 'high' },
      approvals: { always: true },
      consumer: 'chat',
    });
    expect(headers['x-hermes-session-id']).toBe('mine');
    expect((await it.get(`/${id}`)).body).toMatchObject({
      object: 'hermes.run',
      run_id: id,
      status: 'running',
      session_id: 'mine',
      model: 'gpt-5',
      last_event: null,
    });
  });

  test('runs of one session share a lane, runs without one never wait for another', async () => {
    await using it = await bench();
    const [a, b, c, d] = [
      await it.start({ session_id: 's' }),
      await it.start({ session_id: 's' }),
      await it.start(),
      await it.start(),
    ];
    const lanes = [a, b, c, d].map(({ turn }) => turn.request.sessionKey);
    expect([lanes[0] === lanes[1], new Set(lanes).size]).toEqual([true, 3]);
    expect([c.turn.request.sessionId, c.turn.request.history]).toEqual([c.id, []]);
  });

  test('an unknown previous response is ignored; explicit and sent history win', async () => {
    await using it = await bench();
    const chained = await it.start({ previous_response_id: 'resp_none' });
    expect(chained.turn.request.history).toEqual([]);
    const history = [{ role: 'user', content: 'before' }];
    const given = await it.start({ session_id: 's', conversation_history: history });
    expect(given.turn.request.history).toEqual(history);
    const sent = await it.start({ input: [...history, { role: 'user', content: 'now' }] });
    expect([sent.turn.request.history, sent.turn.request.input]).toEqual([history, 'now']);
  });

  test('without a key a session named in the body is one of runs, never that of a chat', async () => {
    await using it = await bench({ api: { key: undefined } });
    const named = await it.start({ session_id: '20261120_101500_ab12cd34' });
    expect(named.turn.request.sessionId).toBe('open:20261120_101500_ab12cd34');
    expect(named.headers['x-hermes-session-id']).toBe('20261120_101500_ab12cd34');
    const first = await it.start();
    const next = await it.start({ session_id: first.id });
    expect([first, next].map(({ turn }) => turn.request.sessionId)).toEqual([
      `open:${first.id}`,
      `open:${first.id}`,
    ]);
  });

  test('a session key is a memory scope and names the session it was first used for', async () => {
    await using it = await bench();
    const ann = { 'x-hermes-session-key': 'ann' };
    const one = await it.start({}, ann);
    expect([one.turn.request.memoryScope, one.headers['x-hermes-session-key']]).toEqual(['ann', 'ann']);
    const two = await it.start({}, ann);
    expect([two.turn.request.sessionId, two.turn.request.history]).toEqual([one.id, 'stored']);
    const other = await it.start({ session_id: 'other' }, ann);
    expect(other.turn.request.sessionId).toBe('other');
    expect((await it.start({}, ann)).turn.request.sessionId).toBe('other');
    await using open = await bench({ api: { key: undefined } });
    expect((await open.post('', { input: 'x' }, ann)).status).toBe(403);
  });

  test('90. the eleventh is refused before its body is read, whatever the other ten are', async () => {
    await using it = await bench();
    for (let n = 0; n < 9; n += 1) await it.start();
    const chat = it.api.inject({
      method: 'POST',
      url: '/v1/chat/completions',
      headers: { authorization: `Bearer ${apiKey}` },
      payload: JSON.stringify({ messages: [{ role: 'user', content: 'x' }] }),
    });
    const tenth = await it.turns.next();
    const refused = await it.post('', 'no json');
    expect(code(refused)).toEqual([429, 'rate_limit_exceeded']);
    expect([refused.body.error.type, refused.headers['retry-after']]).toEqual(['rate_limit_error', '1']);
    tenth.end({ text: 'y' });
    await chat;
    await it.start();
  });

  test.each([
    ['no json', 'Invalid JSON in request body'],
    ['{}', "Missing 'input' field"],
    ['{"input":"x","session_id":5}', "Invalid 'session_id'"],
    ['{"input":"x","conversation_history":{}}', "'conversation_history' must be an array of message objects"],
  ])('%s is refused', async (body, message) => {
    await using it = await bench();
    const reply = await it.post('', body);
    expect([reply.status, reply.body.error.message]).toEqual([400, expect.stringContaining(message)]);
    expect(it.turns.turns).toEqual([]);
  });

  test('a run whose turn is refused leaves nothing behind, so that its key can be used again', async () => {
    await using it = await bench();
    it.turns.refusal = new Error('no');
    const retry = { 'idempotency-key': 'k' };
    expect((await it.post('', { input: 'x' }, retry)).status).toBe(500);
    expect((await it.post('', { input: 'x' })).status).toBe(500);
    it.turns.refusal = undefined;
    await it.start({}, retry);
  });
});

describe('99. idempotency', () => {
  const retry = { 'idempotency-key': 'k' };

  test('an equal request gets the same run, also at the cap; another body is a conflict', async () => {
    await using it = await bench({ api: { maxConcurrentRuns: 1 } });
    const { id, turn } = await it.start({}, retry);
    const again = await it.post('', { input: 'x' }, retry);
    expect([again.status, again.body, again.headers['idempotency-replayed']]).toEqual([
      202,
      { run_id: id, status: 'running', replayed: true },
      'true',
    ]);
    expect(code(await it.post('', { input: 'y' }, retry))).toEqual([409, 'idempotency_key_conflict']);
    expect(code(await it.post('', { input: 'x' }, { 'idempotency-key': 'other' }))).toEqual([
      429,
      'rate_limit_exceeded',
    ]);
    expect(code(await it.post('', { input: 'x' }, { 'idempotency-key': 'ä' }))).toEqual([
      400,
      'invalid_idempotency_key',
    ]);
    turn.end({ text: 'y' });
    await it.settle();
    expect((await it.post('', { input: 'x' }, retry)).body.status).toBe('completed');
    expect(it.turns.turns).toHaveLength(1);
  });

  test('equal requests at the same moment are one run', async () => {
    await using it = await bench();
    const replies = await Promise.all([1, 2, 3].map(() => it.post('', { input: 'x' }, retry)));
    expect(new Set(replies.map(({ body }) => body.run_id)).size).toBe(1);
    expect(replies.map(({ body }) => body.replayed).sort()).toEqual([false, true, true]);
    expect(it.turns.turns).toHaveLength(1);
  });
});

describe('events', () => {
  test('come to several readers, to late ones from the start, and go on behind the last one that was seen', async () => {
    await using it = await bench();
    const { id, turn } = await it.start();
    const first = it.events(id);
    turn.say('one ');
    await it.settle();
    const second = it.events(id);
    const resumed = it.events(id, { 'last-event-id': '1' });
    turn.tool('terminal', 'c');
    turn.end({ text: 'one', usage: { ...noUsage, input: 3, output: 4 } });
    const whole = (await first).text;
    expect((await second).text).toBe(whole);
    const frames = whole.trim().split('\n\n');
    expect(frames.map((frame) => /^id: (\d+)/.exec(frame)?.[1] ?? frame)).toEqual([
      '1',
      '2',
      '3',
      '4',
      ': stream closed',
    ]);
    expect(whole).not.toContain('event: ');
    expect((await resumed).text).toBe(`${frames.slice(1).join('\n\n')}\n\n`);
    expect((await it.events(id)).text).toBe(whole);
    expect((await it.events(id, { 'last-event-id': 'rubbish' })).text).toBe(whole);
    expect((await it.get(`/${id}`)).body).toMatchObject({
      status: 'completed',
      output: 'one',
      usage: { input_tokens: 3, output_tokens: 4, total_tokens: 7 },
      last_event: 'run.completed',
    });
  });

  test('neighbouring words come together', async () => {
    await using it = await bench();
    const { id, turn } = await it.start();
    for (let n = 0; n < 500; n += 1) turn.say('w');
    turn.end({ text: 'w'.repeat(500) });
    const { text } = await it.events(id);
    const deltas = [...text.matchAll(/"delta":"(w+)"/g)].map(([, words]) => words!);
    expect(deltas.length).toBeLessThan(20);
    expect(deltas.join('')).toHaveLength(500);
  });

  test('of a run that nobody knows are 404, after a second in which it could have appeared', async () => {
    const clock = virtualClock();
    await using it = await bench({ clock });
    const reply = it.events('run_none');
    let done = false;
    void reply.then(() => {
      done = true;
    });
    await clock.advance(900);
    expect(done).toBe(false);
    await clock.advance(200);
    expect((await reply).status).toBe(404);
  });

  test('a reader that leaves takes nothing with it, and one of too many is refused', async () => {
    await using it = await bench();
    const { url } = await it.api.listen();
    const { id, turn } = await it.start();
    const open = (signal: AbortSignal) =>
      fetch(`${url}/v1/runs/${id}/events`, { headers: { authorization: `Bearer ${apiKey}` }, signal });
    const leave = new AbortController();
    const readers = await Promise.all(Array.from({ length: 32 }, () => open(leave.signal)));
    expect(readers.map(({ status }) => status)).toEqual(readers.map(() => 200));
    expect((await open(new AbortController().signal)).status).toBe(429);
    leave.abort();
    const stay = new AbortController();
    const again = await vi.waitUntil(async () => {
      const reader = await open(stay.signal);
      return reader.status === 200 && reader;
    });
    expect(turn.interruptReason).toBeUndefined();
    turn.end({ text: 'x' });
    expect(await again.text()).toContain('run.completed');
  });

  test('are shown also when they cannot be stored, and the log says so once', async () => {
    const clock = systemClock;
    const runs = memoryRuns(clock);
    const append = async () => Promise.reject(new Error('no room'));
    await using it = await bench({ runs: { ...runs, append } });
    const { id, turn } = await it.start();
    const reader = it.events(id);
    await it.settle();
    for (let n = 0; n < 3; n += 1) {
      turn.tool('terminal', `c${n}`);
      await it.settle();
    }
    turn.end({ text: 'x' });
    expect((await reader).text.match(/tool\.completed/g)).toHaveLength(3);
    expect(it.logs.filter(({ event }) => event === 'api.run_events_not_kept')).toHaveLength(1);
  });

  test('the oldest are forgotten when there are too many, and the stream says so', async () => {
    await using it = await bench();
    const { url } = await it.api.listen();
    const { id, turn } = await it.start();
    for (let n = 0; n < 6; n += 1) {
      turn.say(String(n).repeat(500_000));
      turn.tool('terminal', `c${n}`);
      await it.settle();
    }
    const reply = await fetch(`${url}/v1/runs/${id}/events`, {
      headers: { authorization: `Bearer ${apiKey}` },
    });
    turn.say('and ', 'on');
    turn.end({ text: 'end' });
    const text = await reply.text();
    expect(text.length).toBeLessThan(2_500_000);
    expect(text).toMatch(/^: events before \d+ are no longer kept\n\nid: /);
    expect(text).toMatch(/"event":"run.completed".*\n\n: stream closed\n\n$/);
  });

  test('are not kept for a reader that never reads: it is cut off and the run goes on', async () => {
    await using it = await bench({ limits: { maxBufferedBytes: 50_000 } });
    const { url } = await it.api.listen();
    const { id, turn } = await it.start();
    const socket = await rawSocket(Number(new URL(url).port));
    socket.write(`GET /v1/runs/${id}/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${apiKey}\r\n\r\n`);
    await once(socket, 'readable');
    const isCut = () => it.logs.some(({ event }) => event === 'api.slow_reader');
    for (let n = 0; n < 400 && !isCut(); n += 1) {
      turn.say('x'.repeat(100_000));
      turn.tool('terminal', `c${n}`);
      await it.settle();
    }
    expect(isCut()).toBe(true);
    turn.end({ text: 'end' });
    await it.settle();
    expect((await it.get(`/${id}`)).body.status).toBe('completed');
    socket.destroy();
  });
});

describe('control', () => {
  test('92. an unknown run is 404 everywhere', async () => {
    await using it = await bench();
    for (const reply of [
      await it.get('/run_none'),
      await it.post('/run_none/stop'),
      await it.post('/run_none/approval', { choice: 'once' }),
      await it.post('/run_none/steer', { input: 'x' }),
    ]) {
      expect(code(reply)).toEqual([404, 'run_not_found']);
      expect(reply.body.error.message).toBe('Run not found: run_none');
    }
  });

  test('91. a stopped run is stopping until its work has ended', async () => {
    await using it = await bench();
    const { id, turn } = await it.start();
    let end = () => {};
    turn.interrupt = (reason) => {
      turn.interruptReason = reason;
      end = () => turn.end({ status: 'interrupted' });
    };
    expect((await it.post(`/${id}/stop`)).body).toEqual({ run_id: id, status: 'stopping' });
    expect(turn.interruptReason).toBe('Stop requested via API');
    expect((await it.get(`/${id}`)).body.status).toBe('stopping');
    expect(code(await it.post(`/${id}/steer`, { input: 'x' }))).toEqual([409, 'run_not_accepting_steer']);
    end();
    await it.settle();
    expect((await it.post(`/${id}/stop`)).body).toMatchObject({ object: 'hermes.run', status: 'cancelled' });
    expect((await it.events(id)).text).toContain('"event":"run.cancelled"');
  });

  test('93, 95. consent: what waits, who may answer what, and when nothing waits', async () => {
    await using it = await bench();
    const { id, turn } = await it.start();
    const approve = (body: unknown) => it.post(`/${id}/approval`, body);
    expect(code(await approve({ choice: 'once' }))).toEqual([409, 'approval_not_pending']);
    const answers = [
      turn.ask(question('q1')),
      turn.ask(question('q2', { choices: ['once', 'deny'] })),
      turn.ask(question('q3')),
    ];
    expect((await it.get(`/${id}`)).body).toMatchObject({
      status: 'waiting_for_approval',
      approval: { request_id: 'q1', command: 'rm -r x', pattern_key: 'recursive delete' },
    });
    for (const choice of ['maybe', 7, undefined]) {
      const reply = await approve({ choice });
      expect(code(reply)).toEqual([400, 'invalid_approval_choice']);
      expect(reply.body.error.message).toContain('once, session, always, deny');
    }
    for (const request_id of [7, '', 'a b', 'x'.repeat(200)]) {
      expect(code(await approve({ choice: 'once', request_id }))).toEqual([400, 'invalid_approval_request']);
    }
    expect(code(await approve({ choice: 'once', request_id: 'q9' }))).toEqual([409, 'approval_not_pending']);
    expect(code(await approve({ choice: 'always', request_id: 'q2' }))).toEqual([
      400,
      'invalid_approval_choice',
    ]);
    expect((await approve({ choice: 'session', request_id: 'q3' })).body).toEqual({
      object: 'hermes.run.approval_response',
      run_id: id,
      choice: 'session',
      resolved: 1,
    });
    expect((await approve({ choice: 'Approved', all: true })).body).toMatchObject({
      choice: 'once',
      resolved: 2,
    });
    expect(await Promise.all(answers)).toEqual(['once', 'once', 'session']);
    expect((await it.get(`/${id}`)).body.status).toBe('running');
    turn.end({ text: 'x' });
    await it.settle();
    expect(code(await approve({ choice: 'once' }))).toEqual([409, 'approval_not_active']);
    expect((await it.events(id)).text.match(/approval\.responded/g)).toHaveLength(3);
  });

  test('94. two runs of one session do not answer each other', async () => {
    await using it = await bench();
    const one = await it.start({ session_id: 's' });
    const two = await it.start({ session_id: 's' });
    void one.turn.ask(question('q1'));
    expect(code(await it.post(`/${two.id}/approval`, { choice: 'once' }))).toEqual([
      409,
      'approval_not_pending',
    ]);
    expect((await it.get(`/${one.id}`)).body.status).toBe('waiting_for_approval');
  });

  test('guidance: accepted as text or parts, refused when empty, too much or too late', async () => {
    await using it = await bench();
    const { id, turn } = await it.start();
    const steer = (body: unknown) => it.post(`/${id}/steer`, body);
    for (const body of [{}, { input: ' ' }, { input: [] }]) {
      expect(code(await steer(body))).toEqual([400, 'invalid_steer_input']);
    }
    expect((await steer({ message: [{ type: 'text', text: 'left' }] })).body).toEqual({
      object: 'hermes.run.steer',
      run_id: id,
      accepted: true,
    });
    await steer({ text: 'right' });
    expect(turn.steered).toEqual(['left', 'right']);
    expect((await it.get(`/${id}`)).body.pending_steer).toBe('left\nright');
    await steer({ input: 'x'.repeat(60_000) });
    expect(code(await steer({ input: 'x'.repeat(60_000) }))).toEqual([409, 'steer_not_accepted']);
    turn.steer = () => false;
    expect(code(await steer({ input: 'late' }))).toEqual([409, 'steer_not_accepted']);
    turn.end({ text: 'x' });
    await it.settle();
    expect(code(await steer({ input: 'x' }))).toEqual([409, 'run_not_accepting_steer']);
  });
});

test('98. an ended run is forgotten after an hour, its key after a day; a running one never', async () => {
  const steady = virtualClock();
  let later = 0;
  const clock = { ...steady, now: () => steady.now() + later };
  const sweep = async (ms: number) => {
    later += ms;
    await steady.advance(61_000);
  };
  await using it = await bench({ clock });
  await it.api.listen();
  const running = await it.start();
  const ended = await it.start({}, { 'idempotency-key': 'k' });
  ended.turn.end({ text: 'x' });
  await it.settle();
  await sweep(3_500_000);
  expect((await it.get(`/${ended.id}`)).status).toBe(200);
  await sweep(100_000);
  expect(code(await it.get(`/${ended.id}`))).toEqual([404, 'run_not_found']);
  expect((await it.post('', { input: 'x' }, { 'idempotency-key': 'k' })).body).toEqual({
    run_id: ended.id,
    status: 'completed',
    replayed: true,
  });
  await sweep(86_400_000);
  expect((await it.get(`/${running.id}`)).body.status).toBe('running');
  expect((await it.post(`/${running.id}/stop`)).status).toBe(200);
  await it.start({}, { 'idempotency-key': 'k' });
  for (const turn of it.turns.turns) turn.end();
});
