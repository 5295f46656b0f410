import { beforeEach, describe, expect, test } from 'vitest';
import type { Upstream } from '../../testkit/upstream/index.ts';
import type { Message } from '../core/message.ts';
import { redact } from '../text/redact.ts';
import type { Agent } from './contract.ts';
import { storable } from './keep.ts';
import { fakeTool, testAgent, testRun, testUpstream } from './testing.ts';

const key = 'sk-abcdefghijklmnopqrstuvwxyz0123456789';
const configured = 'correct "horse" battery';
const clean = (messages: readonly Message[]) => storable(messages, (text) => redact(text, [configured]));
type Assistant = Extract<Message, { role: 'assistant' }>;
const says = (more: Partial<Assistant>): Assistant => ({ role: 'assistant', content: 'Done.', ...more });
const meta = { provider: 'p', data: { blocks: [] } };
const calls = (args: unknown, more: object = {}) => [
  { id: '1', name: 'terminal', arguments: typeof args === 'string' ? args : JSON.stringify(args), ...more },
];

describe('what is stored of a turn', () => {
  test('is the very same object where there is no secret, opaque data included', () => {
    const message = says({ reasoning: 'hm', meta, toolCalls: calls('{ "command" : "ls -la" }', { meta }) });
    expect(clean([message])[0]).toBe(message);
  });

  test('has no secret in the text, and no opaque data that belonged to the text', () => {
    const [stored] = clean([says({ content: `Your key is ${key}.`, meta })]);
    expect(stored).toEqual({ role: 'assistant', content: expect.not.stringContaining(key) });
  });

  test('keeps what is opaque about an answer whose arguments alone had a secret', () => {
    const [stored] = clean([says({ meta, toolCalls: calls({ command: `curl -H "x: ${key}"` }, { meta }) })]);
    expect(stored).toMatchObject({ meta });
    expect((stored as Assistant).toolCalls?.[0]).not.toHaveProperty('meta');
  });

  test.each([
    ['a vendor key', { command: `export A="x ${key}"` }, key],
    ['a configured value with quotes', { a: [{ text: `say ${configured}!` }] }, 'horse'],
    ['a field named like a secret', { password: 'hunter2 "x"', user: 'ann' }, 'hunter2'],
    ['a private key without its end', { content: '-----BEGIN PRIVATE KEY-----\nMIIabc' }, 'MIIabc'],
    ['an assignment in a shell command', { command: 'API_TOKEN="abc def" run' }, 'abc def'],
  ])('has arguments that stay JSON without %s', (_, args, secret) => {
    const [stored] = clean([says({ toolCalls: calls(args) })]);
    const text = (stored as Assistant).toolCalls?.[0]?.arguments ?? '';
    expect(Object.keys(JSON.parse(text) as object)).toEqual(Object.keys(args));
    expect(text).not.toContain(secret);
  });

  test('has no secret in arguments that are no JSON', () => {
    const [stored] = clean([says({ toolCalls: calls(`{'a': '${key}'}`) })]);
    expect((stored as Assistant).toolCalls?.[0]?.arguments).not.toContain(key);
  });
});

describe('a turn', () => {
  let upstream: Upstream;
  let agent: Agent;
  const terminal = fakeTool('terminal');
  beforeEach(async () => {
    upstream = await testUpstream();
    agent = await testAgent(upstream, { tools: [terminal], secrets: [configured] });
  });

  test('runs with the real arguments and stores none of the secrets', async () => {
    const command = `login ${configured}`;
    upstream.script(
      { toolCalls: [{ name: 'terminal', arguments: { command } }] },
      { text: `It is ${configured}.` },
    );
    const result = await agent.run(testRun('x', [terminal]).run);
    expect(terminal.ran).toEqual([{ command }]);
    expect(JSON.stringify(upstream.requests.at(-1)?.body)).toContain('horse');
    expect(result.text).toContain('horse');
    expect(JSON.stringify(result.messages)).not.toContain('horse');
  });

  test('hands the caller of its own tools the real arguments', async () => {
    upstream.script({ toolCalls: [{ name: 'login', arguments: { with: configured } }] });
    const login = { name: 'login', description: '', parameters: { type: 'object', properties: {} } };
    const result = await agent.run(testRun('x', [], { clientTools: [login] }).run);
    expect(JSON.parse(result.clientCalls![0]!.arguments)).toEqual({ with: configured });
    expect(JSON.stringify(result.messages)).not.toContain('horse');
  });
});
