import OpenAI, {
  APIConnectionError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
} from 'openai';
import { describe, expect, it } from 'vitest';
import { serve } from './served.ts';

const served = serve();
const { seen } = served;
const ask = (content: OpenAI.ChatCompletionMessageParam['content']) =>
  ({
    model: 'gpt-4o',
    messages: [{ role: 'user', content }],
  }) as OpenAI.ChatCompletionCreateParamsNonStreaming;

const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('the official openai client, unmodified, against the real gateway', () => {
  it('gets an answer', async () => {
    const answer = await served.client.chat.completions.create(ask('hello'));
    expect(answer.choices[0]?.message.content).toBe('echo: hello');
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect(answer.usage?.total_tokens).toBeGreaterThan(0);
  });

  it('streams an answer', async () => {
    const stream = await served.client.chat.completions.create({
      ...ask('one two three'),
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      if (chunk.usage) usage += 1;
    }
    expect({ text, usage }).toEqual({ text: 'echo: one two three', usage: 1 });
  });

  it('sends an image to the model', async () => {
    const parts = [
      { type: 'text' as const, text: 'what is this' },
      { type: 'image_url' as const, image_url: { url: pixel } },
    ];
    const answer = await served.client.chat.completions.create(ask(parts));
    expect(answer.choices[0]?.message.content).toContain('what is this');
    expect(JSON.stringify(seen()[0]?.body)).toContain(pixel.slice(0, 60));
  });

  it('has tools run on the server, in a stream and without one, and never sees their calls', async () => {
    served.upstream.script(
      { text: 'Looking. ', toolCalls: [{ name: 'terminal', arguments: { command: 'echo 4$((1+1))' } }] },
      { text: 'done' },
    );
    const runner = served.client.chat.completions.stream({ ...ask('count'), stream: true });
    const final = await runner.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe('Looking. \n\ndone');
    expect(final.choices[0]?.message.tool_calls ?? []).toEqual([]);
    const second = seen()[1]?.body['messages'] as { role: string; content: string }[];
    expect(second.at(-1)).toMatchObject({ role: 'tool' });
    expect(second.at(-1)?.content).toContain('42');

    served.upstream.script(
      { toolCalls: [{ name: 'terminal', arguments: { command: 'echo hi' } }] },
      { text: 'done too' },
    );
    const answer = await served.client.chat.completions.create(ask('again'));
    expect(answer.choices[0]?.message).toMatchObject({ content: 'done too' });
  });

  it('refuses a command of the unconditional block list and tells the model', async () => {
    served.upstream.script(
      { toolCalls: [{ name: 'terminal', arguments: { command: 'rm -rf /' } }] },
      { text: 'sorry' },
    );
    await served.client.chat.completions.create(ask('clean up'));
    const messages = seen()[1]?.body['messages'] as { content: string }[];
    expect(messages.at(-1)?.content).toContain('BLOCKED');
  });

  it('refuses a command that would need an approval nobody can give', async () => {
    served.upstream.script(
      { toolCalls: [{ name: 'terminal', arguments: { command: 'git push --force' } }] },
      { text: 'I may not' },
    );
    await served.client.chat.completions.create(ask('push'));
    const messages = seen()[1]?.body['messages'] as { content: string }[];
    expect(messages.at(-1)?.content).toMatch(/not consented|approval|BLOCKED/i);
  });

  it('gets typed errors: wrong key, bad request, failing model, no server', async () => {
    const stranger = new OpenAI({ baseURL: `${served.home.apiUrl}/v1`, apiKey: 'wrong', maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(AuthenticationError);
    const file = [{ type: 'file', file: { file_id: 'x' } }] as never;
    await expect(served.client.chat.completions.create(ask(file))).rejects.toMatchObject({
      constructor: BadRequestError,
      code: 'unsupported_content_type',
    });
    served.upstream.script({ fault: { kind: 'status', status: 400, message: 'no such thing' } });
    await expect(served.client.chat.completions.create(ask('x'))).rejects.toMatchObject({
      constructor: InternalServerError,
      status: 502,
      code: 'agent_incomplete',
    });
    const nobody = new OpenAI({ baseURL: 'http://127.0.0.1:9/v1', apiKey: 'x', maxRetries: 0 });
    await expect(nobody.models.list()).rejects.toBeInstanceOf(APIConnectionError);
  });

  it('keeps a conversation in a session named by a header', async () => {
    const headers = { 'X-Hermes-Session-Id': 'talk-1' };
    await served.client.chat.completions.create(ask('my name is Ann'), { headers });
    await served.client.chat.completions.create(ask('who am I'), { headers });
    const messages = seen()[1]?.body['messages'] as { role: string; content: string }[];
    expect(messages.filter(({ role }) => role !== 'system').map(({ content }) => content)).toEqual([
      'my name is Ann',
      'echo: my name is Ann',
      'who am I',
    ]);
  });

  it('runs one turn for two requests with one Idempotency-Key', async () => {
    const options = { headers: { 'Idempotency-Key': 'pay-once' } };
    const [one, two] = await Promise.all([
      served.client.chat.completions.create(ask('pay'), options),
      served.client.chat.completions.create(ask('pay'), options),
    ]);
    expect(one.choices[0]?.message.content).toBe(two.choices[0]?.message.content);
    expect(seen()).toHaveLength(1);
  });

  it('that goes away ends the work: no further model call is made', async () => {
    served.upstream.script({ toolCalls: [{ name: 'terminal', arguments: { command: 'sleep 20' } }] });
    const abort = new AbortController();
    const stream = await served.client.chat.completions.create(
      { ...ask('wait'), stream: true },
      { signal: abort.signal },
    );
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await expect.poll(() => seen().length).toBe(1);
    abort.abort();
    await expect.poll(() => served.active(), { timeout: 5_000 }).toBe(0);
    expect(seen()).toHaveLength(1);
  });
});
