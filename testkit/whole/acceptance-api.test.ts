/** Cases of the API server (api-server §18) that only show with the agent behind it. */
import { describe, expect, it } from 'vitest';
import { serve } from './served.ts';

const served = serve({
  yaml: ({ url, key }) => `
platform_toolsets: {api_server: [file]}
fallback_providers: [{provider: custom, model: second, base_url: '${url}/v1', api_key: ${key}}]
`,
});
const { seen, shown } = served;

const messages = [{ role: 'user', content: 'hello' }];
const toolsOf = (body: Readonly<Record<string, unknown>> | undefined) =>
  ((body?.['tools'] ?? []) as { function: { name: string } }[]).map((tool) => tool.function.name);

describe('a request to the whole gateway', () => {
  it.each([
    ['/v1/chat/completions', { messages }],
    ['/v1/responses', { input: 'hello' }],
  ])('to %s with the text false for its stream is no stream', async (path, body) => {
    const answer = await served.post(path, { ...body, stream: 'false' });
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    expect(JSON.stringify(await answer.json())).toContain('echo: hello');
  });

  it('adds its system text to the prompt of the agent', async () => {
    await served.post('/v1/chat/completions', { messages });
    const system = [{ role: 'system', content: 'Speak like a pirate.' }, ...messages];
    await served.post('/v1/chat/completions', { messages: system });
    const systemOf = ({ body }: (typeof requests)[number]) =>
      JSON.stringify((body['messages'] as { role: string }[]).filter(({ role }) => role === 'system'));
    const requests = seen();
    const [own, both] = requests.map(systemOf);
    expect(own!.length).toBeGreaterThan(200);
    expect(both).toContain('Speak like a pirate.');
    expect(both!.length).toBeGreaterThan(own!.length);
  });

  it('has images dropped from its system text, without a complaint', async () => {
    const url = 'data:image/png;base64,AAAA';
    const content = [
      { type: 'text', text: 'Be kind.' },
      { type: 'image_url', image_url: { url } },
    ];
    const answer = await served.post('/v1/chat/completions', {
      messages: [{ role: 'system', content }, ...messages],
    });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(seen()[0]?.body)).toContain('Be kind.');
    expect(JSON.stringify(seen()[0]?.body)).not.toContain(url);
  });

  it('is offered the toolsets of its platform, and none when it asks for none', async () => {
    await served.post('/v1/chat/completions', { messages });
    await served.post('/v1/chat/completions', { messages, tools: [] });
    expect(toolsOf(seen()[0]?.body)).toContain('read_file');
    expect(toolsOf(seen()[0]?.body)).not.toContain('terminal');
    expect(toolsOf(seen()[1]?.body)).toEqual([]);
  });

  it('is answered by the next provider of the list when the first one fails', async () => {
    served.answer(({ body }) =>
      body['model'] === 'second'
        ? { text: 'from the second' }
        : { fault: { kind: 'status', status: 429, message: 'slow down' } },
    );
    const answer = await served.post('/v1/chat/completions', { messages });
    expect(answer.headers.get('x-hermes-model')).toBe('second');
    expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'from the second' } }] });
  });

  it('in a chain of five responses makes the conversation longer by one exchange each', async () => {
    let previous: string | undefined;
    const lengths: number[] = [];
    for (const input of ['one', 'two', 'three', 'four', 'five']) {
      const body = { input, ...(previous && { previous_response_id: previous }) };
      const answer = (await (await served.post('/v1/responses', body)).json()) as { id: string };
      previous = answer.id;
      lengths.push(shown().length);
    }
    expect(lengths).toEqual([1, 3, 5, 7, 9]);
  });
});
