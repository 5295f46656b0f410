import { describe, expect, test } from 'vitest';
import type { ToolPolicy } from '../../config/settings.ts';
import { key, type OpenOptions, openFake } from '../testing/open.ts';
import { agent, agentsDefaults, fakeTools, toolNames } from '../testing/tools.ts';

const rule = (more: Partial<ToolPolicy>): ToolPolicy => ({
  profile: undefined,
  alsoAllow: [],
  allow: [],
  deny: [],
  toolsets: undefined,
  ...more,
});

async function invoke(body: unknown, options: OpenOptions = {}, headers: Record<string, string> = {}) {
  const { api, tools } = await openFake(options);
  const reply = await api.inject({
    method: 'POST',
    url: '/tools/invoke',
    headers: { authorization: `Bearer ${key}`, host: 'localhost', ...headers },
    payload: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  });
  await api.close();
  return { status: reply.statusCode, body: reply.json(), invoked: tools.invoked };
}

const answering = (answer: ReturnType<typeof fakeTools>['answer']) => Object.assign(fakeTools(), { answer });
const missing = (name: string) => ({
  ok: false,
  error: { type: 'not_found', message: `Tool not available: ${name}` },
});

describe('POST /tools/invoke', () => {
  test('OC-38: answers the result of an allowed tool', async () => {
    const { status, body, invoked } = await invoke({ tool: ' todo ', args: { a: 1 } });
    expect([status, body]).toEqual([
      200,
      { ok: true, result: { content: [{ type: 'text', text: '{"fine":true}' }], details: { fine: true } } },
    ]);
    expect(invoked).toMatchObject([{ name: 'todo', args: { a: 1 }, platform: 'api_server' }]);
  });

  test('OC-38: tells what the tool found wrong, what a guard refused, and nothing of a crash', async () => {
    const told = async (tools: ReturnType<typeof fakeTools>) => {
      const { status, body } = await invoke({ tool: 'todo' }, { tools });
      return [status, body];
    };
    expect(await told(answering(() => ({ kind: 'failed', why: 'bad mode' })))).toEqual([
      400,
      { ok: false, error: { type: 'tool_error', message: 'bad mode' } },
    ]);
    expect(await told(answering(() => ({ kind: 'refused', why: 'not there' })))).toEqual([
      403,
      { ok: false, error: { type: 'tool_error', message: 'not there' } },
    ]);
    expect(await told(answering(() => ({ kind: 'crashed' })))).toEqual([
      500,
      { ok: false, error: { type: 'tool_error', message: 'tool execution failed' } },
    ]);
  });

  test('refuses what a person would have to approve, and says that it is this', async () => {
    const tools = answering(() => ({ kind: 'unapproved', why: 'Nobody can approve this call here: rm.' }));
    const { status, body } = await invoke({ tool: 'todo' }, { tools });
    expect([status, body.error.type, body.error.requiresApproval]).toEqual([403, 'tool_call_blocked', true]);
  });

  test('OC-39: an unknown, a forbidden and a denied tool are the same to callers', async () => {
    expect(await invoke({ tool: 'nothing' })).toMatchObject({ status: 404, body: missing('nothing') });
    const denied = { agents: { list: [agent('main', { tools: [rule({ deny: ['todo'] })] })] } };
    expect(await invoke({ tool: 'todo' }, denied)).toMatchObject({ status: 404, body: missing('todo') });
    const minimal = { agents: { list: [agent('main', { tools: [rule({ profile: 'minimal' })] })] } };
    expect(await invoke({ tool: 'todo' }, minimal)).toMatchObject({ status: 404, body: missing('todo') });
    for (const name of [
      'terminal',
      'exec',
      'write_file',
      'cron',
      'cronjob',
      'gateway',
      '*',
      'to*',
      'group:fs',
    ]) {
      expect(await invoke({ tool: name }), name).toMatchObject({ status: 404, body: missing(name) });
    }
  });

  test('OC-40: gateway.tools.allow makes a denied tool reachable, gateway.tools.deny wins', async () => {
    const tools = () => fakeTools([...toolNames, 'gateway']);
    const allow = ['gateway', 'exec'];
    const open = { agents: { invoke: { allow, deny: [] } } };
    expect((await invoke({ tool: 'gateway' }, { ...open, tools: tools() })).status).toBe(200);
    expect((await invoke({ tool: 'exec' }, { ...open, tools: tools() })).invoked).toMatchObject([
      { name: 'terminal' },
    ]);
    const shut = { agents: { invoke: { allow, deny: ['gateway', 'todo'] } } };
    expect((await invoke({ tool: 'gateway' }, { ...shut, tools: tools() })).status).toBe(404);
    expect((await invoke({ tool: 'todo' }, shut)).status).toBe(404);
  });

  test('OC-41: no session and main mean the main session of the default agent', async () => {
    const session = async (body: object, agents: OpenOptions['agents'] = {}) =>
      (await invoke({ tool: 'todo', ...body }, { agents })).invoked[0]?.session;
    expect(await session({})).toBe('agent:main:main');
    const other = {
      list: [agent('beta')],
      fallback: 'beta',
      mainKey: { scope: 'agent', name: 'home' } as const,
    };
    expect(await session({ sessionKey: 'main' }, other)).toBe('agent:beta:home');
    expect(await session({}, { mainKey: { scope: 'global' } })).toBe('global');
    expect(await session({ sessionKey: 'agent:main:x' })).toBe('agent:main:x');
    expect(await session({ sessionKey: 'X' })).toBe('agent:main:x');
  });

  test('the session decides whose rules hold; another agent beside it is a contradiction', async () => {
    const list = [agent('main'), agent('beta', { tools: [rule({ deny: ['todo'] })] })];
    const ask = (more: object) => invoke({ tool: 'todo', ...more }, { agents: { ...agentsDefaults, list } });
    expect((await ask({ sessionKey: 'agent:beta:x' })).status).toBe(404);
    expect((await ask({ agentId: 'beta' })).status).toBe(404);
    expect(await ask({ sessionKey: 'agent:main:x', agentId: 'beta' })).toMatchObject({
      status: 400,
      body: { error: { message: 'agent id "beta" does not match session agent "main"' } },
    });
  });

  test('OC-42: action becomes an argument only where the tool has it and none was given', async () => {
    const args = async (body: object) => (await invoke(body)).invoked[0]?.args;
    expect(await args({ tool: 'todo', action: 'list' })).toEqual({ action: 'list' });
    expect(await args({ tool: 'todo', action: 'list', args: { action: 'add' } })).toEqual({ action: 'add' });
    expect(await args({ tool: 'memory', action: 'list' })).toEqual({});
    expect(await args({ tool: 'todo', args: [1] })).toEqual({});
  });

  test('OC-43: a dry run runs, as documented', async () => {
    expect((await invoke({ tool: 'todo', dryRun: true })).invoked).toHaveLength(1);
  });

  test('OC-44: a body of more than two megabytes is 413', async () => {
    const body = { tool: 'todo', args: { text: 'x'.repeat(2 * 1024 * 1024) } };
    const { status, invoked } = await invoke(body);
    expect([status, invoked]).toEqual([413, []]);
  });

  test('an empty body is a missing tool, and broken JSON is no tool', async () => {
    const required = { error: { message: 'tools.invoke requires body.tool', type: 'invalid_request_error' } };
    for (const body of ['', '{}', { tool: ' ' }, { tool: 7 }]) {
      expect(await invoke(body)).toMatchObject({ status: 400, body: required });
    }
    expect((await invoke('{')).status).toBe(400);
  });

  test('the header that names an owner means nothing here', async () => {
    const tools = fakeTools(['pay_bill', 'cronjob']);
    const agents = { invoke: { allow: ['cronjob'], deny: [] }, list: [agent('main', { publicMode: true })] };
    const { status } = await invoke(
      { tool: 'cronjob' },
      { tools, agents },
      { 'x-openclaw-sender-is-owner': 'false' },
    );
    expect(status).toBe(200);
  });

  test('a caller without the right scope is told so in the documented shape', async () => {
    const auth = {
      keys: [{ name: 'guest', key: 'guest-key-0123456789', scopes: ['chat' as const], owner: false }],
      gateway: { mode: 'unset' as const },
      rateLimit: { maxAttempts: 10, windowMs: 60_000, lockoutMs: 300_000, exemptLoopback: true },
      proxies: { trusted: [], allowRealIp: false },
    };
    const asGuest = { authorization: 'Bearer guest-key-0123456789' };
    expect(await invoke({ tool: 'todo' }, { api: { auth } }, asGuest)).toMatchObject({
      status: 403,
      body: { ok: false, error: { type: 'forbidden', message: 'missing scope: operator.write' } },
    });
  });
});

describe('tools about the gateway', () => {
  const sessions = {
    newest: async (prefix: string, limit: number) =>
      [
        { id: 'agent:main:home', source: 'api_server', updatedAt: 5 },
        { id: '20260101_abc', source: 'telegram', updatedAt: 4 },
      ]
        .filter(({ id }) => id.startsWith(prefix))
        .slice(0, limit),
  };

  test('sessions_list gives rows where clients look for them', async () => {
    const { body } = await invoke({ tool: 'sessions_list', args: {}, action: 'json' }, { sessions });
    const rows = [
      { key: 'agent:main:home', channel: 'webchat', updatedAt: 5, model: 'configured-model' },
      { key: '20260101_abc', channel: 'telegram' },
    ];
    expect(body.result).toMatchObject({ count: 2, sessions: rows, details: { count: 2, sessions: rows } });
    const one = await invoke({ tool: 'sessions_list', args: { limit: 1 } }, { sessions });
    expect(one.body.result.count).toBe(1);
  });

  test('session_status and agents_list say who answers', async () => {
    const agents = { list: [agent('main'), agent('beta', { name: 'Bee' })] };
    const status = await invoke({ tool: 'session_status', sessionKey: 'agent:beta:x' }, { agents });
    expect(status.body.result.details).toEqual({
      key: 'agent:beta:x',
      agentId: 'beta',
      model: 'configured-model',
    });
    const listed = await invoke({ tool: 'agents_list' }, { agents });
    expect(listed.body.result.agents).toEqual([
      { id: 'main', name: 'main' },
      { id: 'beta', name: 'Bee' },
    ]);
  });
});
