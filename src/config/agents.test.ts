import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSettings } from './load.ts';
import { type Problem, preventsStart } from './problem.ts';
import type { AgentsSettings } from './settings.ts';
import { type TestHome, testHome } from './testing.ts';

let home: TestHome;
beforeAll(() => {
  home = testHome();
});
afterAll(() => home.remove());

async function load(config: string): Promise<{ agents: AgentsSettings; problems: readonly Problem[] }> {
  home.write('config.yaml', config);
  const { settings, problems } = await loadSettings({
    env: { HOME: home.path },
    home: home.path,
    platforms: [],
  });
  return { agents: settings.agents, problems };
}

describe('agents of the configuration', () => {
  it('are one unlimited agent called main when none is written', async () => {
    const { agents, problems } = await load('');
    expect(problems).toEqual([]);
    expect(agents).toEqual({
      list: [
        {
          id: 'main',
          name: undefined,
          model: undefined,
          models: undefined,
          tools: [],
          persona: '',
          publicMode: false,
        },
      ],
      fallback: 'main',
      mainKey: { scope: 'agent', name: 'main' },
      endpoints: { chat: true, responses: true },
      strictTransport: undefined,
      invoke: { allow: [], deny: [] },
    });
  });

  it('have what they say themselves, else what the defaults say', async () => {
    const { agents, problems } = await load(`
agents:
  defaults: {model: openrouter/vendor/large, publicMode: true, tools: {deny: [exec]}}
  list:
    - {id: Main}
    - id: beta
      default: true
      model: {primary: small}
      identity: {name: Bee, theme: busy}
      persona: Answer in rhymes.
      publicMode: false
      tools: {allow: 'read, group:web'}
      models: {a/b: {}, c: {}}
`);
    expect(problems).toEqual([]);
    const rule = { profile: undefined, alsoAllow: [], toolsets: undefined };
    expect(agents.fallback).toBe('beta');
    expect(agents.list).toEqual([
      {
        id: 'main',
        name: undefined,
        model: { provider: 'openrouter', model: 'vendor/large' },
        models: undefined,
        tools: [{ ...rule, allow: [], deny: ['exec'] }],
        persona: '',
        publicMode: true,
      },
      {
        id: 'beta',
        name: undefined,
        model: { model: 'small' },
        models: ['a/b', 'c'],
        tools: [
          { ...rule, allow: [], deny: ['exec'] },
          { ...rule, allow: ['read', 'group:web'], deny: [] },
        ],
        persona: 'People call you Bee.\nYour character: busy.\nAnswer in rhymes.',
        publicMode: false,
      },
    ]);
  });

  it.each([
    [
      'a misspelt limit of tools',
      'agents: {list: [{id: a, tools: {denny: [exec]}}]}',
      /agents\.list\[0\]\.tools/,
    ],
    ['an unknown profile', 'agents: {list: [{id: a, tools: {profile: all}}]}', /profile/],
    ['an id that is none', 'agents: {list: [{id: "../x"}]}', /agents\.list\[0\]\.id/],
    ['an id that is taken', 'agents: {list: [{id: a}, {id: A}]}', /agents\.list\[1\]\.id/],
    [
      'a public mode that is neither yes nor no',
      'agents: {list: [{id: a, publicMode: maybe}]}',
      /publicMode/,
    ],
  ])('prevent the start with %s', async (_, config, path) => {
    const { problems } = await load(config);
    const fatal = problems.filter(preventsStart);
    expect(fatal).toHaveLength(1);
    expect(fatal[0]?.path).toMatch(path);
  });

  it('stay public when nobody can tell what publicMode says', async () => {
    const { agents } = await load('agents: {list: [{id: a, publicMode: maybe}]}');
    expect(agents.list[0]?.publicMode).toBe(true);
  });

  it.each([
    ['max-age=60', 'max-age=60'],
    ['false', false],
    ['true', undefined],
    ['"a\\nb"', undefined],
  ])('read a transport policy of %s', async (written, expected) => {
    const { agents } = await load(
      `gateway: {http: {securityHeaders: {strictTransportSecurity: ${written}}}}`,
    );
    expect(agents.strictTransport).toBe(expected);
  });

  it('warn of keys that have no effect', async () => {
    const { problems } = await load('agents: {list: [{id: a, workspace: /tmp}]}');
    expect(problems.map(({ severity, path }) => [severity, path])).toEqual([
      ['warning', 'agents.list[0].workspace'],
    ]);
  });
});
