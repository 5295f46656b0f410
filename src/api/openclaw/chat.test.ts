import { describe, expect, test } from 'vitest';
import { noUsage, textOf } from '../../core/message.ts';
import type { Script } from '../testing/fake-turns.ts';
import { chunksOf, framesOf, type Listening, listenFake } from '../testing/open.ts';
import { readAgentChat } from './chat.ts';

const openclaw = { model: 'openclaw' };
const user = (content: unknown) => ({ role: 'user', content });
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const image = (url = `data:image/png;base64,${png}`) => ({ type: 'image_url', image_url: { url } });

interface Completion {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly { message: { content: string | null }; finish_reason: string }[];
  readonly usage: Record<string, unknown>;
}

async function ask(
  server: Listening,
  body: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Completion & { error?: { message: string; type: string } } }> {
  const answer = await server.post({ ...openclaw, ...body }, headers);
  return { status: answer.status, body: (await answer.json()) as Completion };
}

/** What the session gets for these messages, and what goes to the prompt. */
const read = (messages: unknown) => {
  const { input, system, brought } = readAgentChat({ messages }, false).conversation;
  return { input, system, brought };
};

describe('messages for a session of an agent', () => {
  test('OC-11: text parts are joined by line breaks', () => {
    const parts = [
      { type: 'text', text: 'hello' },
      { type: 'input_text', text: 'world' },
    ];
    expect(read([user(parts)]).input).toBe('hello\nworld');
    expect(read([user([{ input_text: 'bare' }])]).input).toBe('bare');
  });

  test('OC-12: system and developer texts go to the prompt of this run, the message stays bare', () => {
    for (const role of ['system', 'developer']) {
      expect(read([{ role, content: 'Be brief.' }, user('hi')])).toMatchObject({
        input: 'hi',
        system: 'Be brief.',
      });
    }
    const both = [{ role: 'system', content: 'One.' }, { role: 'developer', content: 'Two.' }, user('hi')];
    expect(read(both).system).toBe('One.\n\nTwo.');
  });

  test('OC-13: a history stands under its heading, the newest message under another', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      user('Hello, who are you?'),
      { role: 'assistant', content: 'I am Claude.' },
      user('What did I just ask you?'),
    ];
    expect(read(messages).input).toBe(
      [
        '[Chat messages since your last reply - for context]',
        'User: Hello, who are you?',
        'Assistant: I am Claude.',
        '',
        '[Current message - respond to this]',
        'User: What did I just ask you?',
      ].join('\n'),
    );
  });

  test('OC-14: a tool result at the end is the current message, and no earlier image comes with it', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const before = [
      user([{ type: 'text', text: 'look' }, image()]),
      { role: 'assistant', tool_calls: [call] },
    ];
    const bare = read([...before, { role: 'tool', content: 'found' }]);
    expect(bare.input).toMatch(/\n\n\[Current message - respond to this\]\nTool: found$/);
    expect(bare.input).toContain('Assistant: tool_call id=c1 name=f arguments={"a":1}');
    expect(bare.brought.images.size).toBe(0);
    const named = read([...before, { role: 'tool', tool_call_id: 'c1', content: '' }]);
    expect(named.input).toMatch(/Tool:c1: $/);
  });

  test('results for calls that the session left open go to those calls', () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const messages = [
      user('x'),
      { role: 'assistant', content: '', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', content: 'found' },
    ];
    const { conversation } = readAgentChat({ messages }, true);
    expect(conversation.input).toBe('');
    expect(conversation.results).toEqual([
      { role: 'tool', toolCallId: 'c1', name: 'unknown', content: 'found' },
    ]);
  });

  test.each([
    ['only a system message', [{ role: 'system', content: 'x' }]],
    ['an empty list', []],
    ['no list', 'hello'],
    ['only roles that nobody knows', [{ role: 'critic', content: 'x' }]],
    ['only blanks', [user('  ')]],
  ])('OC-15: %s is 400', (_, messages) => {
    expect(() => read(messages)).toThrow('Missing user message in `messages`.');
  });

  test('an assistant that spoke last is answered when nobody else spoke', () => {
    expect(read([{ role: 'assistant', content: 'I begin.' }]).input).toBe('I begin.');
    expect(read([user('one'), { role: 'assistant', content: 'late' }]).input).toBe('one');
  });

  test('OC-17: a message of more than a megabyte is taken whole', async () => {
    await using server = await listenFake();
    const long = 'x'.repeat(1_200_000);
    expect((await ask(server, { messages: [user(long)] })).status).toBe(200);
    expect(server.turns.last.input).toBe(long);
  });

  test.each([
    ['temperature', 3, '`temperature` must be between 0 and 2.'],
    ['top_p', -1, '`top_p` must be between 0 and 1.'],
    ['presence_penalty', 2.5, '`presence_penalty` must be between -2.0 and 2.0.'],
    ['max_tokens', 0, 'max_tokens must be a positive safe integer'],
    ['stop', ['a', 'b', 'c', 'd', 'e'], 'Invalid stop: stop supports at most 4 sequences'],
  ])('%s out of its range is 400 with the documented sentence', (name, value, sentence) => {
    expect(() => readAgentChat({ messages: [user('x')], [name]: value }, false)).toThrow(sentence);
  });
});

describe('images', () => {
  const parts = (server: Listening) => server.turns.last.input as { type: string; text?: string }[];

  test('OC-16: a data URL reaches the run, with parameters, too; alone it gets words', async () => {
    await using server = await listenFake();
    for (const url of [`data:image/png;base64,${png}`, `data:image/png;charset=utf-8;base64,${png}`]) {
      const asked = await ask(server, { messages: [user([image(url)])] });
      expect(asked.status, JSON.stringify(asked.body)).toBe(200);
      expect(parts(server).map(({ type }) => type)).toEqual(['text', 'image_url']);
      expect(textOf(server.turns.last.input)).toBe('User sent image(s) with no text.');
    }
  });

  test.each([
    ['a PDF', [image('data:application/pdf;base64,JVBERi0=')]],
    ['an address', [image('https://example.com/a.png')]],
    ['nine images', Array.from({ length: 9 }, (_, i) => image(`data:image/png;n=${i};base64,${png}`))],
  ])('OC-16: %s is 400', async (_, content) => {
    await using server = await listenFake();
    const { status, body } = await ask(server, { messages: [user(content)] });
    expect([status, body.error?.message]).toEqual([400, 'Invalid image_url content in `messages`.']);
    expect(server.turns.turns).toHaveLength(0);
  });

  test('OC-16: images of earlier messages are left out, without words for them', async () => {
    await using server = await listenFake();
    await ask(server, { messages: [user([image()]), { role: 'assistant', content: 'nice' }, user('again')] });
    expect(server.turns.last.input).toBe(
      '[Chat messages since your last reply - for context]\nAssistant: nice\n\n[Current message - respond to this]\nUser: again',
    );
    await ask(server, { messages: [user([image()]), user([{ type: 'text', text: 'this' }, image()])] });
    expect(parts(server).filter(({ type }) => type === 'image_url')).toHaveLength(1);
  });
});

describe('the answer', () => {
  test('OC-18: that is empty is said in words', async () => {
    await using server = await listenFake({ script: (turn) => turn.end({ text: '' }) });
    const { body } = await ask(server, { messages: [user('x')] });
    expect(body.choices[0]?.message.content).toBe('No response from OpenClaw.');
    const stream = await server.post({ ...openclaw, messages: [user('x')], stream: true });
    expect(spoken(await stream.text())).toEqual(['No response from OpenClaw.']);
  });

  test.each([
    ['pieces', ['he', 'llo'], ['he', 'llo']],
    ['equal pieces', ['hi', 'hi'], ['hi', 'hi']],
    ['no pieces', [], ['whole']],
  ])('OC-19: streams %s and ends with finish_reason and [DONE]', async (_, deltas, expected) => {
    const script: Script = (turn) => {
      turn.say(...deltas);
      turn.end({ text: deltas.join('') || 'whole' });
    };
    await using server = await listenFake({ script });
    const stream = await server.post({ ...openclaw, messages: [user('x')], stream: true });
    const text = await stream.text();
    expect(spoken(text)).toEqual(expected);
    expect(framesOf(text).at(-1)?.data).toBe('[DONE]');
    const chunks = chunksOf(text) as unknown as { choices: { finish_reason: string | null }[] }[];
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason).filter(Boolean)).toEqual(['stop']);
  });

  test('a long text comes in lines that a bounded reader takes', async () => {
    const long = '\u0001ab€'.repeat(30_000);
    await using server = await listenFake({ script: (turn) => turn.end({ text: long }) });
    const text = await (await server.post({ ...openclaw, messages: [user('x')], stream: true })).text();
    expect(spoken(text).join('')).toBe(long);
    for (const line of text.split('\n')) expect(Buffer.byteLength(line)).toBeLessThan(65_536);
  });

  test('echoes the model as it was sent, and counts tokens', async () => {
    const usage = { ...noUsage, input: 12, output: 3 };
    await using server = await listenFake({ script: (turn) => turn.end({ text: 'x', usage }) });
    const { body } = await ask(server, { model: 'OpenClaw:main', messages: [user('x')] });
    expect([body.model, body.usage]).toEqual([
      'OpenClaw:main',
      { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
    ]);
    expect(body.id).toMatch(/^chatcmpl_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const headed = await server.post({ messages: [user('x')] }, { 'x-openclaw-agent-id': 'main' });
    expect(((await headed.json()) as Completion).model).toBe('openclaw');
  });

  test('shows nothing of what the server’s tools do', async () => {
    const script: Script = (turn) => {
      turn.tool('terminal', 'c1', 'ls');
      turn.end({ text: 'done' });
    };
    await using server = await listenFake({ script });
    const text = await (await server.post({ ...openclaw, messages: [user('x')], stream: true })).text();
    expect(text).not.toMatch(/terminal|tool_calls|hermes\./);
  });
});

describe('a failed turn', () => {
  const fail =
    (code: string): Script =>
    (turn) =>
      turn.end({ status: 'failed', error: { code, message: 'why it failed' } });

  test.each([
    ['whatever', 500, 'api_error', 'internal error'],
    ['rate_limit', 429, 'rate_limit_error', 'why it failed'],
    ['context_overflow', 400, 'invalid_request_error', 'why it failed'],
    ['auth', 502, 'authentication_error', 'why it failed'],
    ['timeout', 504, 'api_error', 'why it failed'],
  ])('of the class %s is %i, also where a stream was asked for', async (code, status, type, message) => {
    await using server = await listenFake({ script: fail(code) });
    for (const stream of [false, true]) {
      const answer = await server.post({ ...openclaw, messages: [user('x')], stream });
      expect([answer.status, await answer.json()]).toEqual([status, { error: { message, type } }]);
    }
  });

  test('after the head is out without a word says so in words, because clients would ask again', async () => {
    const script: Script = (turn) => {
      turn.tool('terminal', 'c1');
      turn.end({ status: 'failed', error: { code: 'x', message: 'it broke' } });
    };
    await using server = await listenFake({ script });
    const text = await (await server.post({ ...openclaw, messages: [user('x')], stream: true })).text();
    expect(spoken(text)).toEqual(['Error: it broke']);
  });

  test('before the head is out, a caller that leaves ends it', async () => {
    await using server = await listenFake({ script: () => {} });
    const next = server.turns.next();
    const abort = new AbortController();
    const asked = server
      .post({ ...openclaw, messages: [user('x')], stream: true }, {}, abort.signal)
      .catch(() => undefined);
    const turn = await next;
    abort.abort();
    expect(await turn.interrupted).toBe('HTTP client disconnected');
    await asked;
  });

  test('that is slow to begin gets its head and comments before the client gives up', async () => {
    await using server = await listenFake({ script: () => {}, limits: { keepAliveMs: 30 } });
    const next = server.turns.next();
    const answer = await server.post({ ...openclaw, messages: [user('x')], stream: true });
    expect(answer.status).toBe(200);
    (await next).end({ text: 'late' });
    expect(spoken(await answer.text())).toEqual(['late']);
  });
});

/** Contents of all chunks. */
function spoken(text: string): string[] {
  return chunksOf(text).flatMap((chunk) => {
    const { choices } = chunk as { choices?: { delta: { content?: string } }[] };
    const content = choices?.[0]?.delta.content;
    return content === undefined ? [] : [content];
  });
}
