/** The calls that web front ends make, as their guides list them (api-server §16). */
import { describe, expect, it } from 'vitest';
import { framesOf } from './frames.ts';
import { serve } from './served.ts';

const served = serve();
const { shown, seen } = served;

interface Chunk {
  readonly object: string;
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
  readonly usage?: { readonly total_tokens: number } | null;
}

/** The chunks of a stream, read as these clients do: every data line is a chunk, whatever its event is called. */
async function chunksOf(response: Response): Promise<Chunk[]> {
  expect(response.status).toBe(200);
  const data: string[] = [];
  for await (const frame of framesOf(response)) data.push(frame.data);
  expect(data.pop()).toBe('[DONE]');
  return data.map((json) => JSON.parse(json) as Chunk);
}

const textOf = (chunks: readonly Chunk[]) =>
  chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
const runEcho = {
  text: 'Looking. ',
  toolCalls: [{ name: 'terminal', arguments: { command: 'echo 4$((1+1))' } }],
};
const words = () => shown().map(({ role, content }) => `${role}: ${content}`);

describe('every front end', () => {
  it('fills its list of models and tells a wrong key', async () => {
    const models = (await (await served.call('/v1/models')).json()) as { data: { id: string }[] };
    expect(models.data.map(({ id }) => id)).toContain('hermes-agent');
    const refused = await served.call('/v1/models', { headers: { authorization: 'Bearer wrong' } });
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ error: { code: 'invalid_api_key' } });
  });
});

describe('Open WebUI', () => {
  const chat = (content: string) => [{ role: 'user', content }];

  it('streams a chat, and a tool of the agent leaves no trace in its text', async () => {
    served.upstream.script(runEcho, { text: 'done' });
    const body = { stream: true, model: 'hermes-agent', messages: chat('count') };
    const chunks = await chunksOf(await served.post('/v1/chat/completions', body));
    expect(textOf(chunks)).toBe('Looking. \n\ndone');
    for (const chunk of chunks) {
      expect(chunk.object).toBe('chat.completion.chunk');
      expect(Array.isArray(chunk.choices)).toBe(true);
    }
  });

  it('asks for a title without a stream', async () => {
    served.answer(() => ({ text: '{"title":"🧭 A plan"}' }));
    const body = { model: 'hermes-agent', stream: false, messages: chat('### Task: a title as JSON') };
    const headers = { 'X-OpenWebUI-Chat-Id': 'chat-1', 'X-OpenWebUI-User-Name': 'Ann' };
    const answer = await served.post('/v1/chat/completions', body, { headers });
    expect(await answer.json()).toMatchObject({
      choices: [{ message: { content: '{"title":"🧭 A plan"}' } }],
    });
  });

  it('keeps two chats with the same first words apart by their ids', async () => {
    const ask = async (id: string) => {
      const headers = { 'X-OpenWebUI-Chat-Id': id };
      const response = await served.post('/v1/chat/completions', { messages: chat('hello') }, { headers });
      await response.arrayBuffer();
      return response.headers.get('x-hermes-session-id');
    };
    const ids = [await ask('one'), await ask('two'), await ask('one')];
    expect(ids[0]).not.toBe(ids[1]);
    expect(ids[2]).toBe(ids[0]);
  });

  it('resends the whole chat to a Responses connection, and nothing is doubled', async () => {
    const message = (role: string, text: string) => ({
      type: 'message',
      role,
      content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text }],
    });
    const input: object[] = [];
    let previous: string | undefined;
    for (const text of ['one', 'two', 'three', 'four', 'five']) {
      input.push(message('user', text));
      const body = {
        model: 'hermes-agent',
        input,
        stream: true,
        ...(previous && { previous_response_id: previous }),
      };
      const response = await served.post('/v1/responses', body);
      for await (const { event, data } of framesOf(response)) {
        if (event === 'response.completed') {
          previous = (JSON.parse(data) as { response: { id: string } }).response.id;
        }
      }
      input.push(message('assistant', `echo: ${text}`));
    }
    expect(words()).toEqual([
      'user: one',
      'assistant: echo: one',
      'user: two',
      'assistant: echo: two',
      'user: three',
      'assistant: echo: three',
      'user: four',
      'assistant: echo: four',
      'user: five',
    ]);
  });

  it('gets the output of a tool as the list of parts it can show, and may send it back', async () => {
    served.upstream.script(runEcho, { text: 'done' }, { text: 'welcome' });
    const response = await served.post('/v1/responses', { input: 'count', stream: true });
    let output: Record<string, unknown>[] = [];
    for await (const { event, data } of framesOf(response)) {
      if (event !== 'response.completed') continue;
      output = (JSON.parse(data) as { response: { output: typeof output } }).response.output;
    }
    const result = output.find(({ type }) => type === 'function_call_output');
    expect(result).toMatchObject({ output: [{ type: 'input_text', text: expect.stringContaining('42') }] });
    const user = (content: string) => ({ type: 'message', role: 'user', content });
    const next = await served.post('/v1/responses', { input: [user('count'), ...output, user('thanks')] });
    expect(next.status).toBe(200);
    expect(shown().map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant', 'user']);
    expect(shown()[2]?.content).toContain('42');
  });
});

describe('LobeChat', () => {
  const plugin = {
    type: 'function',
    function: {
      name: 'lobe-web-browsing____search____builtin',
      description: 'Search the web',
      parameters: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
    },
  };
  const ask = {
    model: 'hermes-agent',
    stream: true,
    stream_options: { include_usage: true },
    temperature: 1,
    top_p: 1,
    frequency_penalty: 0,
    presence_penalty: 0,
  };

  it('streams with usage in a chunk of its own', async () => {
    const messages = [
      { role: 'system', content: 'You are Lobe.' },
      { role: 'user', content: 'hello' },
    ];
    const chunks = await chunksOf(await served.post('/v1/chat/completions', { ...ask, messages }));
    expect(textOf(chunks)).toBe('echo: hello');
    expect(chunks.filter(({ usage }) => usage)).toMatchObject([{ choices: [], usage: { total_tokens: 12 } }]);
    expect(JSON.stringify(seen()[0]?.body['messages'])).toContain('You are Lobe.');
  });

  it('runs its plugin and sends the result', async () => {
    const { name } = plugin.function;
    served.upstream.script({ toolCalls: [{ name, arguments: { query: 'fair' } }] }, { text: 'On Sunday.' });
    const messages: object[] = [{ role: 'user', content: 'when is the fair?' }];
    const body = { ...ask, messages, tools: [plugin] };
    const chunks = (await chunksOf(await served.post('/v1/chat/completions', body))) as unknown as {
      choices: {
        delta: { tool_calls?: { id?: string; function: { name?: string; arguments?: string } }[] };
      }[];
    }[];
    const deltas = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
    const id = deltas.find((delta) => delta.id)?.id;
    expect(deltas.map((delta) => delta.function.name ?? '').join('')).toBe(name);
    const args = deltas.map((delta) => delta.function.arguments ?? '').join('');
    expect(JSON.parse(args)).toEqual({ query: 'fair' });
    messages.push(
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id, type: 'function', function: { name, arguments: args } }],
      },
      { role: 'tool', tool_call_id: id, name, content: 'Sunday' },
    );
    const end = await chunksOf(await served.post('/v1/chat/completions', body));
    expect(textOf(end)).toBe('On Sunday.');
    expect(shown().at(-1)).toMatchObject({ role: 'tool', content: 'Sunday' });
  });
});

describe('LibreChat', () => {
  it('sends its default parameters, and the memory scope of its user', async () => {
    const body = {
      model: 'hermes-agent',
      user: '65f0c2',
      stream: true,
      temperature: 1,
      top_p: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      messages: [{ role: 'user', content: 'hello' }],
    };
    const headers = { 'X-Hermes-Session-Key': 'librechat:65f0c2' };
    const response = await served.post('/v1/chat/completions', body, { headers });
    expect(response.headers.get('x-hermes-session-key')).toBe('librechat:65f0c2');
    expect(textOf(await chunksOf(response))).toBe('echo: hello');
  });
});
