import { describe, expect, it } from 'vitest';
import type { Settings } from '../../config/settings.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { openTools, resolveTools } from './index.ts';
import { openBench } from './testing.ts';
import { compositeToolsets, configurableToolsets } from './toolsets.ts';

const every = ['terminal', 'process', 'read_file', 'write_file', 'patch', 'search_files', 'todo'];

describe('toolsets', () => {
  it('platforms get the common set, webhooks none of it, and an unknown name nothing', () => {
    const tools = (name: string) => [...resolveTools([name], [], every).tools];
    for (const platform of ['telegram', 'discord', 'api-server', 'cli']) {
      expect(tools(`hermes-${platform}`), platform).toEqual(every);
    }
    expect(tools('hermes-webhook')).toEqual([]);
    expect(tools('hermes-webhok')).toEqual([]);
  });

  it('lists, composites, everything, old names and what is switched off', () => {
    const tools = (...names: string[]) => [...resolveTools(names, [], every).tools];
    expect(tools('terminal', 'todo')).toEqual(['terminal', 'process', 'todo']);
    expect(tools('debugging')).toEqual(every.slice(0, 6));
    expect(tools('safe')).toEqual([]);
    expect(tools('*')).toEqual(every);
    expect(tools('file_tools')).toEqual(every.slice(2, 6));
    expect([...resolveTools(['hermes-cli'], ['terminal', 'file'], every).tools]).toEqual(['todo']);
    expect([...resolveTools(['all'], ['hermes-cli'], every).tools]).toEqual([]);
    expect(resolveTools(['nonsense', 'constructor'], ['more'], every)).toEqual({
      tools: new Set(),
      unknown: ['nonsense', 'constructor', 'more'],
    });
  });

  it('sets that are off by default need their own name', () => {
    expect([...resolveTools(['hermes-telegram'], [], ['ha_get_state']).tools]).toEqual([]);
    expect([...resolveTools(['homeassistant'], [], ['ha_get_state']).tools]).toEqual(['ha_get_state']);
  });

  it('webhooks are never given a tool that changes or runs something', () => {
    expect(compositeToolsets['hermes-webhook']).toEqual([
      'web_search',
      'web_extract',
      'vision_analyze',
      'clarify',
    ]);
    expect(compositeToolsets['hermes-api-server']).not.toContain('send_message');
    for (const name of every)
      expect(
        Object.values(configurableToolsets).some((set) => (set as readonly string[]).includes(name)),
      ).toBe(true);
  });
});

describe('the toolbox', () => {
  it('describes every tool as a JSON Schema of an object, the same one each time', async () => {
    await using bench = await openBench();
    expect([...bench.box.tools.keys()]).toEqual(every);
    for (const name of every) {
      const schema = bench.box.schema(name);
      expect(schema).toMatchObject({ name, parameters: { type: 'object' } });
      expect(schema.description.length).toBeGreaterThan(20);
      expect(bench.box.schema(name)).toBe(schema);
      expect(JSON.stringify(schema.parameters)).not.toContain('$schema');
    }
    expect(bench.box.schema('terminal').parameters['required']).toEqual(['command']);
  });

  it('says truly what may be repeated and what may run beside others', async () => {
    await using bench = await openBench();
    const flags = Object.fromEntries(
      [...bench.box.tools].map(([name, { risk, idempotent }]) => [
        name,
        `${risk}${idempotent ? ' again' : ''}`,
      ]),
    );
    expect(flags).toEqual({
      terminal: 'exec',
      process: 'exec',
      read_file: 'read again',
      write_file: 'write again',
      patch: 'write',
      search_files: 'read again',
      todo: 'read again',
    });
    const path = (name: string, args: object) => {
      const { parallel } = bench.box.tools.get(name)!;
      return typeof parallel === 'object' ? parallel.path(args) : parallel;
    };
    expect(path('read_file', { path: 'a' })).toBe('a');
    expect(path('patch', { mode: 'patch', patch: 'x' })).toBe('/');
    expect(path('patch', { path: 'a' })).toBe('a');
    expect(path('search_files', {})).toBe('read');
    expect(path('terminal', {})).toBeUndefined();
  });

  it('answers wrong arguments with what is wrong', async () => {
    await using bench = await openBench();
    expect(await bench.call('read_file', { offset: 0 })).toEqual({
      error: expect.stringMatching(/^Invalid arguments: [\s\S]*path/),
    });
  });

  it('has no tool of this machine when commands belong into a container', async () => {
    const settings = {
      terminal: { backend: 'docker', cwd: '/' },
      platformToolsets: {},
      agent: { disabledToolsets: [] },
    } as unknown as Settings;
    const box = openTools({
      settings: { ...settings, home: '/x', childEnv: {} } as Settings,
      clock: systemClock,
      log: silentLog,
    });
    expect([...box.tools.keys()]).toEqual(['todo']);
    await box.close();
  });
});

describe('todo', () => {
  it('replaces, merges by id, reads, and repairs what is odd', async () => {
    await using bench = await openBench();
    expect(
      await bench.call('todo', {
        todos: [
          { id: 'a', content: 'A', status: 'pending' },
          { content: 'no id', status: 'strange' },
        ],
      }),
    ).toEqual({
      todos: [
        { id: 'a', content: 'A', status: 'pending' },
        { id: '?', content: 'no id', status: 'pending' },
      ],
      summary: { total: 2, pending: 2, in_progress: 0, completed: 0, cancelled: 0 },
    });
    expect(
      await bench.call('todo', { merge: true, todos: [{ id: 'a', content: 'A2', status: 'completed' }] }),
    ).toMatchObject({
      todos: [{ id: 'a', content: 'A2', status: 'completed' }, { id: '?' }],
    });
    expect(
      await bench.call('todo', {
        todos: [
          { id: 'x', content: '1', status: 'pending' },
          { id: 'x', content: '2', status: 'pending' },
        ],
      }),
    ).toMatchObject({
      todos: [{ id: 'x', content: '2' }],
    });
    expect(await bench.call('todo', {})).toMatchObject({ summary: { total: 1 } });
    expect(await bench.call('todo', {}, { session: 'other' })).toMatchObject({ summary: { total: 0 } });
  });

  it('takes its list back from the conversation after a restart', async () => {
    await using bench = await openBench();
    const content = JSON.stringify({
      todos: [{ id: 'a', content: 'A', status: 'in_progress' }],
      summary: {},
    });
    const history = [
      { role: 'tool' as const, toolCallId: '1', name: 'todo', content },
      { role: 'tool' as const, toolCallId: '2', name: 'todo', content: 'Error: cut' },
      { role: 'tool' as const, toolCallId: '3', name: 'terminal', content: '{"todos":[]}' },
    ];
    expect(await bench.call('todo', {}, { history })).toMatchObject({
      todos: [{ id: 'a', status: 'in_progress' }],
    });
  });
});
