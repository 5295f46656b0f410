import { describe, expect, it } from 'vitest';
import type { Content, Message } from '../../core/message.ts';
import type { FakeTurn, Script } from '../testing/fake-turns.ts';
import { memoryStore } from './memory-store.ts';
import { eventsOf, expectValid, expectValidEvents, serve } from './testing.ts';

/** Answers as the real agent does: the messages begin with the input. */
const echo: Script = (turn) => {
  const { input } = turn.request;
  const text = `echo ${JSON.stringify(input)}`;
  turn.say(text);
  turn.end({ text, messages: [...userOf(input), { role: 'assistant', content: text }] });
};
const userOf = (content: Content): Message[] => [{ role: 'user', content }];

const until = async (script: (turn: FakeTurn) => void) => {
  const reached = Promise.withResolvers<FakeTurn>();
  const run: Script = (turn) => {
    script(turn);
    reached.resolve(turn);
  };
  return { run, reached: reached.promise };
};

const idOf = (answer: Record<string, unknown>) => String(answer['id']);
const errorOf = async (response: Response): Promise<Record<string, unknown>> => ({
  status: response.status,
  ...((await response.json()) as { error: Record<string, unknown> }).error,
});

describe('a chain of responses', () => {
  it('gives the model input and output of every earlier one, once, in one session', async () => {
    await using server = await serve({ script: echo });
    let previous: string | undefined;
    const lengths: number[] = [];
    const sessions = new Set<string>();
    for (let n = 1; n <= 5; n += 1) {
      const answer = await server.ask({ input: `q${n}`, previous_response_id: previous });
      expectValid('ResponseResource', answer);
      expect(answer['previous_response_id']).toBe(previous ?? null);
      previous = idOf(answer);
      lengths.push((server.turns.last.history as Message[]).length);
      sessions.add(server.turns.last.sessionId);
    }
    expect(lengths).toEqual([0, 2, 4, 6, 8]);
    expect(sessions.size).toBe(1);
    expect((server.turns.last.history as Message[]).map(({ content }) => content).slice(0, 3)).toEqual([
      'q1',
      'echo "q1"',
      'q2',
    ]);
  });

  it('goes on when an earlier response was deleted, and can branch', async () => {
    await using server = await serve({ script: echo });
    const one = await server.ask({ input: 'a' });
    const two = await server.ask({ input: 'b', previous_response_id: idOf(one) });
    expect(await (await server.delete(`/${idOf(one)}`)).json()).toEqual({
      id: idOf(one),
      object: 'response',
      deleted: true,
    });
    expect((await server.get(`/${idOf(one)}`)).status).toBe(404);
    for (const input of ['c', 'd']) {
      await server.ask({ input, previous_response_id: idOf(two) });
      expect(server.turns.last.history).toHaveLength(4);
    }
  });

  it('refuses an unknown response, and one of another credential', async () => {
    const store = memoryStore();
    await using server = await serve({ script: echo, store });
    const mine = idOf(await server.ask({ input: 'secret' }));
    await using other = await serve({ script: echo, store, api: { key: 'another-key-0123456789' } });
    for (const [asked, id] of [
      [server, 'resp_unknown'],
      [other, mine],
    ] as const) {
      expect(await errorOf(await asked.post({ input: 'x', previous_response_id: id }))).toEqual({
        status: 400,
        message: `Previous response with id '${id}' not found.`,
        type: 'invalid_request_error',
        param: 'previous_response_id',
        code: 'previous_response_not_found',
      });
    }
    expect((await other.get(`/${mine}`)).status).toBe(404);
    expect((await other.delete(`/${mine}`)).status).toBe(404);
    expect((await server.get(`/${mine}`)).status).toBe(200);
  });

  it('carries instructions on until others are given', async () => {
    await using server = await serve({ script: echo });
    const one = await server.ask({ input: 'a', instructions: 'Be brief.' });
    const two = await server.ask({ input: 'b', previous_response_id: idOf(one) });
    expect(server.turns.last.ephemeralSystem).toBe('Be brief.');
    expect(two['instructions']).toBe('Be brief.');
    await server.ask({ input: 'c', previous_response_id: idOf(two), instructions: 'Be long.' });
    expect(server.turns.last.ephemeralSystem).toBe('Be long.');
  });

  it('continues the newest response of a named conversation', async () => {
    await using server = await serve({ script: echo });
    for (const [input, length] of [
      ['a', 0],
      ['b', 2],
      ['c', 4],
    ] as const) {
      const answer = await server.ask({ input, conversation: 'talk' });
      expect(answer['conversation']).toEqual({ id: 'talk' });
      expect(server.turns.last.history).toHaveLength(length);
    }
    await server.ask({ input: 'x', conversation: { id: 'other' } });
    expect(server.turns.last.history).toEqual([]);
    await server.ask({ input: 'not kept', conversation: 'talk', store: false });
    await server.ask({ input: 'd', conversation: 'talk' });
    expect(server.turns.last.history).toHaveLength(6);
  });

  it('starts anew when the newest response of a conversation was deleted', async () => {
    await using server = await serve({ script: echo });
    const one = await server.ask({ input: 'a', conversation: 'talk' });
    await server.delete(`/${idOf(one)}`);
    await server.ask({ input: 'b', conversation: 'talk' });
    expect(server.turns.last.history).toEqual([]);
  });

  it('is not lost to a request that was refused before it began', async () => {
    await using server = await serve({ script: echo });
    await server.ask({ input: 'a', conversation: 'talk' });
    server.turns.refusal = new Error('nothing was stored');
    expect((await server.post({ input: 'b', conversation: 'talk' })).status).toBe(500);
    server.turns.refusal = undefined;
    await server.ask({ input: 'c', conversation: 'talk' });
    expect(server.turns.last.history).toHaveLength(2);
  });

  it('belongs to the named user of an agent target', async () => {
    await using server = await serve({ script: echo });
    const sessions: string[] = [];
    for (const user of ['Alice', 'alice', 'bob', undefined, undefined]) {
      await server.ask({ input: 'a', model: 'openclaw:main', user });
      sessions.push(server.turns.last.sessionId);
      expect(server.turns.last.history).toEqual(user === undefined ? [] : 'stored');
    }
    expect(sessions.slice(0, 3)).toEqual([
      'agent:main:openresponses-user:alice',
      'agent:main:openresponses-user:alice',
      'agent:main:openresponses-user:bob',
    ]);
    expect(new Set(sessions).size).toBe(4);
    await server.ask({ input: 'a', model: 'gpt-4o', user: 'alice' });
    expect(server.turns.last.history).toEqual([]);
  });

  it('yields to a history that was sent, but keeps its session', async () => {
    await using server = await serve({ script: echo });
    const one = await server.ask({ input: 'a' });
    const session = server.turns.last.sessionId;
    const conversation_history = [
      { role: 'user', content: 'other' },
      { role: 'assistant', content: 'yes' },
    ];
    await server.ask({ input: 'b', previous_response_id: idOf(one), conversation_history });
    expect(server.turns.last).toMatchObject({ history: conversation_history, sessionId: session });
    await server.ask({ input: 'b', previous_response_id: 'resp_gone', conversation_history });
    await server.ask({ input: 'b', previous_response_id: idOf(one), conversation_history: [] });
    expect(server.turns.last.history).toHaveLength(2);
  });

  it('does not add what the client has sent again', async () => {
    await using server = await serve({ script: echo });
    const one = await server.ask({ input: 'a' });
    const output = one['output'] as Record<string, unknown>[];
    await server.ask({
      previous_response_id: idOf(one),
      input: [{ role: 'user', content: 'a' }, ...output, { role: 'user', content: 'b' }],
    });
    expect(server.turns.last.history).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'echo "a"' },
    ]);
  });

  it('keeps only the newest hundred messages with truncation auto', async () => {
    await using server = await serve({ script: echo });
    const conversation_history = Array.from({ length: 150 }, (_, n) => ({
      role: n % 2 === 0 ? 'user' : 'assistant',
      content: `m${n}`,
    }));
    await server.ask({ input: 'x', conversation_history, truncation: 'auto' });
    expect(server.turns.last.history).toHaveLength(100);
    await server.ask({ input: 'x', conversation_history });
    expect(server.turns.last.history).toHaveLength(150);
  });

  it('forgets what is not to be stored', async () => {
    await using server = await serve({ script: echo });
    const answer = await server.ask({ input: 'a', store: false });
    expect((await server.get(`/${idOf(answer)}`)).status).toBe(404);
    const next = await server.post({ input: 'b', previous_response_id: idOf(answer) });
    expect((await errorOf(next)).code).toBe('previous_response_not_found');
  });

  it('drops a stored response that cannot be read', async () => {
    const store = memoryStore();
    await using server = await serve({ script: echo, store });
    const id = idOf(await server.ask({ input: 'a' }));
    const get = store.get;
    const scopes: string[] = [];
    store.get = async (scope, wanted) => {
      scopes.push(scope);
      const row = await get(scope, wanted);
      return row && { ...row, body: '{' };
    };
    expect((await server.get(`/${id}`)).status).toBe(404);
    expect(await get(scopes[0]!, id)).toBeUndefined();
  });
});

describe('a snapshot', () => {
  it('is in progress as soon as the first event is out', async () => {
    await using server = await serve({ script: () => {} });
    const response = await server.post({ input: 'a', stream: true });
    const reader = response.body!.getReader();
    const first = new TextDecoder().decode((await reader.read()).value);
    const id = /"id":"(resp_\w+)"/.exec(first)![1]!;
    const kept = (await (await server.get(`/${id}`)).json()) as Record<string, unknown>;
    expectValid('ResponseResource', kept);
    expect(kept).toMatchObject({ id, status: 'in_progress', output: [], usage: null, completed_at: null });
    await reader.cancel();
  });

  it('is incomplete with the partial text after a disconnect, and can be continued', async () => {
    const { run, reached } = await until((turn) => turn.say('half of'));
    await using server = await serve({ script: run });
    const abort = new AbortController();
    const response = await server.post({ input: 'a', stream: true }, '', {}, abort.signal);
    const first = new TextDecoder().decode((await response.body!.getReader().read()).value);
    const id = /"id":"(resp_\w+)"/.exec(first)![1]!;
    const turn = await reached;
    abort.abort();
    await turn.interrupted;
    expect(turn.interruptReason).toBe('SSE client disconnected');
    await expect
      .poll(async () => ((await (await server.get(`/${id}`)).json()) as { status: string }).status)
      .toBe('incomplete');
    const kept = (await (await server.get(`/${id}`)).json()) as Record<string, unknown>;
    expectValid('ResponseResource', kept);
    expect(kept).toMatchObject({
      incomplete_details: { reason: 'interrupted' },
      output: [{ type: 'message', status: 'incomplete', content: [{ text: 'half of' }] }],
    });
    server.turns.script = echo;
    await server.ask({ input: 'go on', previous_response_id: id });
    expect(server.turns.last.history).toEqual([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'half of' },
    ]);
  });

  it('ends the turn of a JSON request whose client went away', async () => {
    const { run, reached } = await until(() => {});
    await using server = await serve({ script: run });
    const abort = new AbortController();
    const asked = server.post({ input: 'a' }, '', {}, abort.signal).catch(() => 'gone');
    const turn = await reached;
    abort.abort();
    expect(await turn.interrupted).toBe('HTTP client disconnected');
    expect(await asked).toBe('gone');
  });

  it('is failed when the turn failed, in the stream and in the store', async () => {
    await using server = await serve({
      script: (turn) => {
        turn.say('I wi');
        turn.end({ status: 'failed', text: 'I wi', error: { code: 'rate_limit', message: 'slow down' } });
      },
    });
    const events = await server.stream({ input: 'a' });
    expectValidEvents(events);
    const error = { code: 'rate_limit_exceeded', message: 'slow down', param: null };
    expect(events.at(-2)).toMatchObject({
      type: 'error',
      ...error,
      error: { type: 'server_error', ...error },
    });
    const last = events.at(-1)!;
    expect(last).toMatchObject({
      type: 'response.failed',
      response: {
        status: 'failed',
        completed_at: null,
        error: { type: 'server_error', code: 'rate_limit_exceeded', message: 'slow down' },
        output: [{ content: [{ text: 'I wi' }] }],
      },
    });
    const { id } = last['response'] as { id: string };
    expect(await (await server.get(`/${id}`)).json()).toEqual(last['response']);
  });

  it('is incomplete with its last item when the output budget ran out', async () => {
    await using server = await serve({
      script: (turn) => {
        turn.say('one two');
        turn.end({
          status: 'partial',
          exit: 'truncated',
          text: 'one two',
          error: { code: 'truncated', message: 'cut' },
        });
      },
    });
    const events = await server.stream({ input: 'a', max_output_tokens: 16 });
    expectValidEvents(events);
    expect(events.at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: {
        incomplete_details: { reason: 'max_output_tokens' },
        output: [{ type: 'message', status: 'incomplete' }],
      },
    });
    expect(server.turns.last.sampling).toEqual({ maxTokens: 16 });
  });

  it('of an earlier process becomes incomplete at the start of the next one', async () => {
    const store = memoryStore();
    const dead = await serve({ script: () => {}, store });
    const response = await dead.post({ input: 'a', stream: true });
    const first = new TextDecoder().decode((await response.body!.getReader().read()).value);
    const id = /"id":"(resp_\w+)"/.exec(first)![1]!;
    await using next = await serve({ script: echo, store: { ...store } });
    const kept = (await (await next.get(`/${id}`)).json()) as Record<string, unknown>;
    expectValid('ResponseResource', kept);
    expect(kept).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'interrupted' } });
    await dead[Symbol.asyncDispose]();
    expect(await (await next.get(`/${id}`)).json()).toEqual(kept);
  });

  it('is written before a server that closes is gone', async () => {
    const store = memoryStore();
    const server = await serve({ script: (turn) => turn.say('par'), store });
    const response = await server.post({ input: 'a', stream: true });
    const body = response.text();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await server[Symbol.asyncDispose]();
    const events = eventsOf(await body);
    expectValidEvents(events);
    expect(events.at(-1)).toMatchObject({ type: 'response.incomplete' });
    expect(await store.open()).toEqual([]);
  });
});
