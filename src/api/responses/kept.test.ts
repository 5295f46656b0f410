import { describe, expect, it } from 'vitest';
import type { FakeTurn, Script } from '../testing/fake-turns.ts';
import { memoryStore } from './memory-store.ts';
import { eventsOf, expectValid, expectValidEvents, serve } from './testing.ts';

/** Says one word and waits. */
function held() {
  const started = Promise.withResolvers<FakeTurn>();
  const script: Script = (turn) => {
    turn.say('one');
    started.resolve(turn);
  };
  return { script, started: started.promise };
}

const statusOf = async (response: Response) => ((await response.json()) as { status: string }).status;

describe('a response in the background', () => {
  it('is answered at once, can be looked at, and ends without its caller', async () => {
    const { script, started } = held();
    await using server = await serve({ script });
    const first = await server.ask({ input: 'a', background: true });
    expectValid('ResponseResource', first);
    expect(first).toMatchObject({ status: 'in_progress', background: true });
    const turn = await started;
    expect(turn.request.consumer).toBe('chat');
    const now = (await (await server.get(`/${first['id']}`)).json()) as Record<string, unknown>;
    expectValid('ResponseResource', now);
    expect(now).toMatchObject({ status: 'in_progress', output: [{ status: 'in_progress' }] });
    turn.say(' two');
    turn.end({ text: 'one two' });
    await expect.poll(async () => statusOf(await server.get(`/${first['id']}`))).toBe('completed');
  });

  it('needs a store', async () => {
    await using server = await serve();
    expect((await server.post({ input: 'a', background: true, store: false })).status).toBe(400);
  });

  it('goes on when the reader of its stream leaves, and can be read again from any point', async () => {
    const { script, started } = held();
    await using server = await serve({ script });
    const abort = new AbortController();
    const response = await server.post({ input: 'a', background: true, stream: true }, '', {}, abort.signal);
    const first = new TextDecoder().decode((await response.body!.getReader().read()).value);
    const id = /"id":"(resp_\w+)"/.exec(first)![1]!;
    const turn = await started;
    abort.abort();
    const again = server.get(`/${id}?stream=true`).then((replay) => replay.text());
    const later = server.get(`/${id}?stream=true&starting_after=1`).then((replay) => replay.text());
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(turn.interruptReason).toBeUndefined();
    turn.say(' two');
    turn.end({ text: 'one two' });
    const all = eventsOf(await again);
    expectValidEvents(all);
    expect(all.at(-1)).toMatchObject({ response: { status: 'completed' } });
    expect(eventsOf(await later)).toEqual(all.slice(2));
    const after = await server.get(`/${id}?stream=true&starting_after=5`);
    expect(eventsOf(await after.text())).toEqual(all.slice(6));
  });

  it('alone has a stream that can be read again', async () => {
    await using server = await serve();
    for (const body of [{ input: 'a' }, { input: 'a', background: true }]) {
      const { id } = await server.ask(body);
      expect((await server.get(`/${id}?stream=true`)).status).toBe(400);
    }
    expect((await server.get('/resp_x?stream=true')).status).toBe(404);
  });

  it('can be cancelled, twice with one result; a foreground response cannot', async () => {
    const { script, started } = held();
    await using server = await serve({ script });
    const { id } = await server.ask({ input: 'a', background: true });
    const turn = await started;
    const one = await server.ask({}, `/${id}/cancel`);
    expectValid('ResponseResource', one);
    expect(one['status']).toBe('cancelled');
    expect(turn.interruptReason).toBe('Response cancelled via API');
    expect(await server.ask({}, `/${id}/cancel`)).toEqual(one);
    server.turns.script = (next) => next.end({ text: 'x' });
    const foreground = await server.ask({ input: 'b' });
    expect((await server.post({}, `/${foreground['id']}/cancel`)).status).toBe(400);
    expect((await server.post({}, '/resp_x/cancel')).status).toBe(404);
  });

  it('that outlived its process is told from the record of its turn', async () => {
    const store = memoryStore();
    const { script } = held();
    const dead = await serve({ script, store });
    const { id } = await dead.ask({ input: 'a', background: true });
    let state: Awaited<ReturnType<typeof store.turn>> = { kind: 'open', turn: 'turn_of_before' };
    await using next = await serve({ store: { ...store, turn: async () => state } });
    expect(await statusOf(await next.get(`/${id}`))).toBe('in_progress');
    expect((await next.post({}, `/${id}/cancel`)).status).toBe(409);
    state = {
      kind: 'ended',
      result: {
        status: 'completed',
        text: 'done',
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: '', toolCalls: [{ id: 'c', name: 'terminal', arguments: '{}' }] },
          { role: 'tool', toolCallId: 'c', name: 'terminal', content: 'ok' },
          { role: 'assistant', content: 'done' },
        ],
        usage: { input: 1, output: 2, cacheRead: 0, cacheWrite: 0, reasoning: 0 },
        model: 'm',
        provider: 'p',
        modelCalls: 2,
        exit: 'recorded',
      },
    };
    const kept = (await (await next.get(`/${id}`)).json()) as Record<string, unknown>;
    expectValid('ResponseResource', kept);
    expect(kept).toMatchObject({
      status: 'completed',
      output: [{ type: 'function_call' }, { type: 'function_call_output' }, { content: [{ text: 'done' }] }],
    });
    await next.ask({ input: 'b', previous_response_id: id });
    expect(next.turns.last.history).toHaveLength(4);
    await dead[Symbol.asyncDispose]();
  });
});

describe('input_items', () => {
  it('lists newest first, in pages', async () => {
    await using server = await serve();
    const input = [
      { role: 'system', content: 's' },
      'a',
      { type: 'message', id: 'msg_b', role: 'assistant', content: 'b' },
      { role: 'user', content: [{ type: 'input_text', text: 'c' }] },
    ];
    const { id } = await server.ask({ input });
    const list = async (query: string) =>
      (await (await server.get(`/${id}/input_items${query}`)).json()) as {
        data: { id: string; type: string; role: string; content: { text: string }[] }[];
        has_more: boolean;
        first_id: string;
        last_id: string;
      };
    const all = await list('');
    expect(all.data.map(({ content }) => content[0]?.text)).toEqual(['c', 'b', 'a', 's']);
    expect(all.data.every((item) => item.id !== '' && item.type === 'message')).toBe(true);
    expect(all).toMatchObject({ object: 'list', has_more: false, first_id: all.data[0]!.id });
    expect((await list('?limit=2')).has_more).toBe(true);
    expect((await list(`?limit=2&after=msg_b`)).data).toEqual(all.data.slice(2));
    expect((await list('?order=asc')).data).toEqual(all.data.toReversed());
    for (const bad of ['?limit=0', '?limit=101', '?order=up', '?after=unknown']) {
      expect((await server.get(`/${id}/input_items${bad}`)).status).toBe(400);
    }
    expect((await server.get('/resp_x/input_items')).status).toBe(404);
  });
});

describe('input_tokens', () => {
  it('grows with the input, the chain and the tools', async () => {
    await using server = await serve();
    const count = async (body: object) => (await server.ask(body, '/input_tokens'))['input_tokens'] as number;
    const small = await count({ input: 'hello' });
    expect(small).toBeGreaterThan(0);
    expect(await count({ input: 'hello '.repeat(50) })).toBeGreaterThan(small + 50);
    const { id } = await server.ask({ input: 'a long question '.repeat(20) });
    expect(await count({ input: 'hello', previous_response_id: id })).toBeGreaterThan(small + 50);
    const tools = [{ type: 'function', name: 'f', description: 'x'.repeat(400) }];
    expect(await count({ input: 'hello', tools })).toBeGreaterThan(small + 100);
    expect((await server.post({ input: 'a', previous_response_id: 'no' }, '/input_tokens')).status).toBe(400);
  });
});

describe('compact', () => {
  const summary: Script = (turn) => turn.end({ text: 'They agreed on Tuesday.' });

  it('gives the user’s messages and a sealed summary, which works as input', async () => {
    await using server = await serve({ script: summary });
    const answer = await server.ask(
      {
        model: 'm',
        prompt_cache_key: 'k',
        input: [
          { role: 'user', content: 'When?' },
          { role: 'assistant', content: 'Tuesday.' },
        ],
      },
      '/compact',
    );
    expectValid('CompactResource', answer);
    expect(answer['output']).toMatchObject([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'When?' }] },
      { type: 'compaction' },
    ]);
    expect(server.turns.last).toMatchObject({
      tools: [],
      history: [{ content: 'When?' }, { content: 'Tuesday.' }],
    });
    const output = answer['output'] as { encrypted_content?: string }[];
    expect(JSON.stringify(output)).not.toContain('agreed');
    await server.ask({ input: [...output, { role: 'user', content: 'go on' }], tools: [] });
    expect(server.turns.last.history).toMatchObject([
      { content: 'When?' },
      { content: expect.stringContaining('They agreed on Tuesday.') },
    ]);
    const sealed = output.at(-1)!.encrypted_content!;
    const middle = sealed[40] === 'A' ? 'B' : 'A';
    for (const forged of [`${sealed.slice(0, 40)}${middle}${sealed.slice(41)}`, `${sealed}!`, 'AAAA']) {
      const refused = await server.post({
        input: [{ type: 'compaction', encrypted_content: forged }, 'go on'],
      });
      expect(refused.status).toBe(400);
      expect(await refused.json()).toMatchObject({ error: { param: 'input[0].encrypted_content' } });
    }
  });

  it('keeps an earlier summary sealed, and names what it does not know', async () => {
    await using server = await serve({ script: summary });
    const first = await server.ask({ model: 'm', input: 'When?' }, '/compact');
    const again = await server.post(
      { model: 'm', input: [...(first['output'] as object[]), 'And where?'], temperature: 1 },
      '/compact',
    );
    expect(again.headers.get('x-hermes-ignored')).toBe('temperature');
    const { output } = (await again.json()) as { output: { type: string }[] };
    expect(output.map(({ type }) => type)).toEqual(['message', 'message', 'compaction']);
    expect(JSON.stringify(output)).not.toContain('Tuesday');
  });

  it('is refused without a model, and fails where nothing could be summarised', async () => {
    await using server = await serve({
      script: (turn) => turn.end({ status: 'failed', error: { code: 'x', message: 'no' } }),
    });
    expect((await server.post({ input: 'a' }, '/compact')).status).toBe(400);
    expect((await server.post({ input: 'a', model: 'm' }, '/compact')).status).toBe(502);
  });

  it('cannot be used with another key', async () => {
    const store = memoryStore();
    await using mine = await serve({ script: summary, store });
    await using other = await serve({ store, api: { key: 'another-key-0123456789' } });
    const { output } = await mine.ask({ model: 'm', input: 'a' }, '/compact');
    expect((await other.post({ input: [...(output as object[]), 'b'] })).status).toBe(400);
  });
});
