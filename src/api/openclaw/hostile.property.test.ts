import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ToolPolicy } from '../../config/settings.ts';
import type { Api } from '../app.ts';
import type { FakeTurns } from '../testing/fake-turns.ts';
import { key, openFake } from '../testing/open.ts';
import { agent, fakeTools, toolNames } from '../testing/tools.ts';

const rule = (more: Partial<ToolPolicy>): ToolPolicy => ({
  profile: undefined,
  alsoAllow: [],
  allow: [],
  deny: [],
  toolsets: undefined,
  ...more,
});

/** Every agent here may read and take notes at most, so a request for anything else has widened its tools. */
const limited = rule({ allow: ['read', 'todo'] });
const list = [
  agent('main', { tools: [limited] }),
  agent('beta', { tools: [limited, rule({ deny: ['todo'] })], publicMode: true }),
  agent('none', { tools: [limited, rule({ toolsets: [] })] }),
];
const allowed: Readonly<Record<string, readonly string[]>> = {
  main: ['read_file', 'todo'],
  beta: ['read_file'],
  none: [],
};

let api: Api;
let turns: FakeTurns;
const tools = fakeTools();
beforeAll(async () => {
  ({ api, turns } = await openFake({ agents: { list }, tools, api: { maxConcurrentRuns: 0 } }));
});
afterAll(() => api.close());

const word = fc.oneof(
  fc.constantFrom('openclaw', 'openclaw:beta', 'agent:none', 'openclaw/default', 'gpt-4o', 'main', 'beta'),
  fc.constantFrom(
    'true',
    'false',
    '*',
    'all',
    'terminal',
    'exec',
    'agent:beta:x',
    'group:runtime',
    'hermes-cli',
  ),
  fc.constantFrom(...toolNames),
  fc.stringMatching(/^[ -~]{0,12}$/),
);
const names = fc.oneof(fc.array(word, { maxLength: 4 }), word, fc.constant(null), fc.boolean());
const tool = fc.record({
  type: fc.constantFrom('function', 'custom', 'web_search', 'mcp'),
  name: word,
  function: fc.record({ name: word }),
});

/** Whatever a client might think of to get more, beside what makes the request one. */
const everyField = fc.record(
  {
    model: word,
    user: word,
    tools: fc.oneof(fc.array(tool, { maxLength: 3 }), names),
    functions: fc.array(fc.record({ name: word }), { maxLength: 2 }),
    tool_choice: fc.oneof(
      word,
      fc.record({ type: fc.constant('function'), function: fc.record({ name: word }) }),
    ),
    toolsets: names,
    enabled_toolsets: names,
    allowed_tools: names,
    tool_names: names,
    agent: word,
    agentId: word,
    publicMode: fc.boolean(),
    owner: fc.boolean(),
    is_owner: word,
    persona: word,
    source: word,
    platform: word,
    provider: word,
    metadata: fc.dictionary(word, word, { maxKeys: 2 }),
    extra_body: fc.record({ tools: names, toolsets: names }),
    model_options: fc.record({ tools: names }),
    previous_response_id: fc.constantFrom('resp_x', ''),
    conversation: word,
  },
  { requiredKeys: [] },
);

/** A few at a time: with many of them hardly a request is well-formed enough to start anything. */
const fields = fc.tuple(everyField, fc.array(fc.nat(), { maxLength: 3 })).map(([all, picks]) => {
  const pairs = Object.entries(all);
  return Object.fromEntries(picks.flatMap((pick) => pairs.slice(pick % 30, (pick % 30) + 1)));
});

const headerNames = [
  'x-openclaw-agent-id',
  'x-openclaw-agent',
  'x-openclaw-session-key',
  'x-openclaw-sender-is-owner',
  'x-openclaw-message-channel',
  'x-openclaw-account-id',
  'x-openclaw-scopes',
  'x-openclaw-tools',
  'x-openclaw-model',
  'x-hermes-tools',
  'x-hermes-toolsets',
  'x-hermes-session-id',
  'x-hermes-session-key',
  'x-hermes-tool-items',
];
const headers = fc.dictionary(fc.constantFrom(...headerNames), word, { maxKeys: 2 });

async function send(url: string, body: object, more: Record<string, string>) {
  const before = turns.turns.length;
  const reply = await api.inject({
    method: 'POST',
    url,
    headers: { ...more, authorization: `Bearer ${key}`, host: 'localhost' },
    payload: JSON.stringify(body),
  });
  return { status: reply.statusCode, started: turns.requests.slice(before) };
}

test.each([
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hi' }] }],
  ['/v1/responses', { input: 'hi' }],
])('no field and no header of a request to %s widens the tools of its agent', async (url, base) => {
  let started = 0;
  await fc.assert(
    fc.asyncProperty(fields, headers, async (body, more) => {
      const { status, started: requests } = await send(url, { ...body, ...base }, more);
      expect(status).not.toBe(500);
      for (const request of requests) {
        started += 1;
        const id = /^agent:([^:]+):/.exec(request.sessionId)?.[1] ?? 'main';
        // Without a list the turn has what the default agent has.
        const given = request.tools ?? allowed['main'] ?? [];
        expect(given.filter((name) => !(allowed[id] ?? []).includes(name))).toEqual([]);
      }
    }),
    { numRuns: 400 },
  );
  expect(started).toBeGreaterThan(50);
});

test('no field and no header of a call without a turn reaches a tool its agent does not have', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record(
        {
          tool: word,
          name: word,
          action: word,
          sessionKey: word,
          agentId: word,
          args: fc.object(),
          toolsets: names,
        },
        { requiredKeys: ['tool'] },
      ),
      headers,
      async (body, more) => {
        const before = tools.invoked.length;
        const { status } = await send('/tools/invoke', body, more);
        expect(status).not.toBe(500);
        for (const { name } of tools.invoked.slice(before)) expect(['read_file', 'todo']).toContain(name);
      },
    ),
    { numRuns: 300 },
  );
  expect(tools.invoked.length).toBeGreaterThan(0);
});
