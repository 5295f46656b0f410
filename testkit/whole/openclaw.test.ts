import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { serve } from './served.ts';

const served = serve({
  yaml: () =>
    [
      'agents:',
      '  list:',
      '    - {id: main}',
      "    - {id: reader, persona: 'You are the librarian.', tools: {allow: [read, todo]}}",
      '    - {id: shop, publicMode: true}',
      'tools: {deny: [patch]}',
    ].join('\n'),
});

interface Completion {
  readonly choices: readonly { readonly message: { readonly content: string } }[];
}

async function ask(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return served.post('/v1/chat/completions', body, { headers });
}

const hello = { messages: [{ role: 'user', content: 'hello' }] };

/** Names of the tools that the model was shown last. */
function offered(): string[] {
  const tools = (served.seen().at(-1)?.body['tools'] ?? []) as { function: { name: string } }[];
  return tools.map(({ function: { name } }) => name);
}

function prompt(): string {
  const messages = served.seen().at(-1)?.body['messages'] as { role: string; content: string }[];
  return messages.find(({ role }) => role === 'system')?.content ?? '';
}

describe('agents of a running gateway', () => {
  it('have their own persona and tools; what all may not have, nobody has', async () => {
    await ask({ ...hello, model: 'openclaw:reader' });
    expect(offered()).toEqual(['read_file', 'todo']);
    expect(prompt()).toContain('You are the librarian.');
    await ask({ ...hello, model: 'gpt-5' });
    expect(offered()).toContain('terminal');
    expect(offered()).not.toContain('patch');
    expect(prompt()).not.toContain('librarian');
    await ask({ ...hello, model: 'openclaw:shop' });
    expect(prompt().split('\n')).toContain('Runtime: public-facing agent');
    expect(prompt()).not.toContain(served.home.path);
  });

  it('are listed beside the profile, whose entry comes first', async () => {
    const { data } = (await (await served.call('/v1/models')).json()) as { data: Record<string, unknown>[] };
    expect(data[0]).toMatchObject({ id: 'hermes-agent', owned_by: 'hermes' });
    expect(data.slice(1).map(({ id }) => id)).toEqual([
      'openclaw',
      'openclaw/default',
      'openclaw/main',
      'openclaw/reader',
      'openclaw/shop',
    ]);
  });

  it('OC-8, OC-9: remember a session by its key, across a restart too, and keep agents apart', async () => {
    const headers = { 'x-openclaw-agent-id': 'main', 'x-openclaw-session-key': 'kitchen' };
    const said = async (content: string, more: Record<string, string> = headers) => {
      const answer = await ask({ messages: [{ role: 'user', content }] }, more);
      return ((await answer.json()) as Completion).choices[0]?.message.content;
    };
    expect(await said('my name is Ann')).toBe('echo: my name is Ann');
    await said('who am I');
    expect(served.shown().map(({ content }) => content)).toEqual([
      'my name is Ann',
      'echo: my name is Ann',
      'who am I',
    ]);
    await served.restart('SIGTERM');
    await said('and now');
    expect(served.shown()).toHaveLength(5);
    await said('hello', { ...headers, 'x-openclaw-agent-id': 'reader' });
    expect(served.shown()).toHaveLength(1);
    const responses = { model: 'openclaw', input: 'from the other endpoint' };
    await served.post('/v1/responses', responses, { headers });
    expect(served.shown()).toHaveLength(7);
  });

  it('OC-38, OC-39: run a tool without a model, under the rules of the agent', async () => {
    writeFileSync(join(served.home.path, 'note.txt'), 'remember the milk');
    const invoke = async (body: object) => {
      const answer = await served.post('/tools/invoke', body);
      return { status: answer.status, body: (await answer.json()) as { result?: { details: unknown } } };
    };
    const read = await invoke({ tool: 'read', args: { path: join(served.home.path, 'note.txt') } });
    expect(read.status, JSON.stringify(read.body)).toBe(200);
    expect(JSON.stringify(read.body)).toContain('remember the milk');
    expect((await invoke({ tool: 'read', args: { path: 'nowhere.txt' } })).status).toBe(400);
    expect((await invoke({ tool: 'terminal', args: { command: 'id' } })).status).toBe(404);
    expect((await invoke({ tool: 'todo', args: {}, sessionKey: 'agent:reader:x' })).status).toBe(200);
    expect((await invoke({ tool: 'search_files', args: {}, sessionKey: 'agent:reader:x' })).status).toBe(404);
    const sessions = await invoke({ tool: 'sessions_list', args: {}, action: 'json' });
    expect(JSON.stringify(sessions.body)).toContain('agent:main:kitchen');
    expect(served.seen()).toHaveLength(0);
  });
});
