/** The calls of the OpenClaw integration for Home Assistant, read the way it reads them (openclaw-http §18). */
import { describe, expect, test } from 'vitest';
import { key, type Listening, listenFake } from '../testing/open.ts';
import { agent } from '../testing/tools.ts';

const common = { 'x-openclaw-agent-id': 'main' };
const conversation = {
  'x-openclaw-source': 'voice',
  'x-ha-voice': 'true',
  'x-openclaw-message-channel': 'voice',
  'X-Session-Id': 'assist_default:main',
  'x-openclaw-session-key': 'assist_default:main',
};
const said = (stream: boolean) => ({
  messages: [
    { role: 'system', content: 'You are in the kitchen.' },
    { role: 'user', content: 'Lights on' },
  ],
  stream,
  session_id: 'assist_default:main',
  user: 'assist_default:main',
});

const invoke = (server: Listening, body: object) =>
  fetch(`${server.url}/tools/invoke`, {
    method: 'POST',
    headers: { ...common, Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

/** As the integration parses a stream: everything but lines with this beginning is skipped. */
function spoken(text: string): string {
  let out = '';
  for (const line of text.split('\n')) {
    if (!line.startsWith('data: ')) continue;
    if (line === 'data: [DONE]') return out;
    const chunk = JSON.parse(line.slice('data: '.length)) as { choices?: { delta?: { content?: string } }[] };
    out += chunk.choices?.[0]?.delta?.content ?? '';
  }
  throw new Error('the stream had no end');
}

/** As it finds the text of an answer: the first of these keys that leads to a text. */
function textIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textIn).find((text) => text);
  if (typeof value !== 'object' || value === null) return undefined;
  const known = [
    'output_text',
    'text',
    'content',
    'message',
    'response',
    'answer',
    'choices',
    'output',
    'delta',
  ];
  const all = value as Readonly<Record<string, unknown>>;
  for (const name of [...known, ...Object.keys(all)]) {
    const found = textIn(all[name]);
    if (found) return found;
  }
  return undefined;
}

/** What its setup makes of the answer to an empty list of messages. */
async function setup(server: Listening): Promise<string> {
  const answer = await server.post({ messages: [], stream: false }, common);
  if (answer.status === 401 || answer.status === 403) return 'invalid_auth';
  const isJson = answer.headers.get('content-type')?.includes('json');
  return isJson ? 'success' : 'openai_api_disabled';
}

describe('OC-45: the Home Assistant integration', () => {
  test('call 1: finds the gateway alive without a key', async () => {
    await using server = await listenFake();
    expect((await fetch(`${server.url}/`)).status).toBeLessThan(500);
  });

  test('call 2: reads the model list and its first entry', async () => {
    await using server = await listenFake();
    const { data } = (await (await server.get('/v1/models', common)).json()) as {
      data: { id: string; owned_by: string }[];
    };
    expect(data[0]).toMatchObject({ id: 'hermes-agent', owned_by: 'hermes' });
    expect(data.map(({ id }) => id)).toContain('openclaw/main');
  });

  test('call 3: counts the sessions', async () => {
    const rows = [{ id: 'agent:main:assist_default:main', source: 'api_server', updatedAt: 1 }];
    await using server = await listenFake({ sessions: { newest: async () => rows } });
    const answer = await invoke(server, { tool: 'sessions_list', args: {}, dryRun: false, action: 'json' });
    const { ok, result } = (await answer.json()) as { ok: boolean; result: { sessions: unknown[] } };
    expect([answer.status, ok, result.sessions.length]).toEqual([200, true, 1]);
  });

  test('call 4: sets itself up, and says so when the endpoint is off or the key is wrong', async () => {
    await using server = await listenFake();
    expect(await setup(server)).toBe('success');
    const probe = await server.post({ messages: [], stream: false }, common);
    expect(((await probe.json()) as { error: { message: string } }).error.message).toBe(
      'Missing user message in `messages`.',
    );
    await using off = await listenFake({ agents: { endpoints: { chat: false, responses: true } } });
    expect(await setup(off)).toBe('openai_api_disabled');
    const wrong = await server.post({ messages: [] }, { ...common, Authorization: 'Bearer wrong' });
    expect(wrong.status).toBe(401);
  });

  test('call 5: streams an answer in the session it names and asks for no second run', async () => {
    await using server = await listenFake();
    const answer = await server.post(said(true), { ...common, ...conversation });
    expect(spoken(await answer.text())).toBe('Hello');
    expect(server.turns.turns).toHaveLength(1);
    expect(server.turns.last).toMatchObject({
      sessionId: 'agent:main:assist_default:main',
      history: 'stored',
      input: 'Lights on',
      ephemeralSystem: 'You are in the kitchen.',
      persona: { channel: 'voice' },
    });
  });

  test('call 5: hears of a failure once, as words or as a status, and never as an empty stream', async () => {
    await using server = await listenFake({
      script: (turn) => turn.end({ status: 'failed', error: { code: 'x', message: 'broke' } }),
    });
    expect((await server.post(said(true), { ...common, ...conversation })).status).toBe(500);
    server.turns.script = (turn) => {
      turn.tool('terminal', 'c1');
      turn.end({ status: 'failed', error: { code: 'x', message: 'broke' } });
    };
    const late = await server.post(said(true), { ...common, ...conversation });
    expect(spoken(await late.text())).toBe('Error: broke');
  });

  test('call 6: finds the text of a whole answer, also of an empty one, and the model', async () => {
    await using server = await listenFake();
    const whole = (await (await server.post(said(false), { ...common, ...conversation })).json()) as {
      model: string;
    };
    expect(textIn(whole)).toBe('Hello');
    expect(whole.model).toBe('openclaw');
    server.turns.script = (turn) => turn.end({ text: '' });
    expect(textIn(await (await server.post(said(false), common)).json())).toBe('No response from OpenClaw.');
  });

  test('call 6: gets the calls of its own tools', async () => {
    const call = { id: 'c1', name: 'execute_services', arguments: '{"list":[]}' };
    await using server = await listenFake({ script: (turn) => turn.end({ text: '', clientCalls: [call] }) });
    const tools = [
      { type: 'function', function: { name: 'execute_services', parameters: { type: 'object' } } },
    ];
    const answer = (await (await server.post({ ...said(false), tools }, common)).json()) as {
      choices: { message: { tool_calls: { function: { name: string } }[] } }[];
    };
    expect(answer.choices[0]?.message.tool_calls[0]?.function.name).toBe('execute_services');
  });

  test('call 7: runs any tool that is allowed', async () => {
    await using server = await listenFake();
    const answer = await invoke(server, { tool: 'todo', args: {}, sessionKey: 'assist_default' });
    expect([answer.status, await answer.json()]).toMatchObject([200, { ok: true }]);
    expect((await invoke(server, { tool: 'exec', args: { command: 'id' } })).status).toBe(404);
  });

  test('a person who picked an agent speaks to it', async () => {
    await using server = await listenFake({ agents: { list: [agent('main'), agent('kitchen')] } });
    const picked = { ...said(false), model: 'openclaw:kitchen' };
    await server.post(picked, { ...conversation, 'x-openclaw-agent-id': 'kitchen' });
    expect(server.turns.last.sessionId).toBe('agent:kitchen:assist_default:main');
  });
});
