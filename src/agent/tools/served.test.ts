import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import type { AgentProfile } from '../../config/settings.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import type { ServedTools, ToolInvocation } from '../contract.ts';
import { openServedTools } from './served.ts';
import { type Bench, openBench } from './testing.ts';

const agent = (id: string, deny: readonly string[] = []): AgentProfile => ({
  id,
  name: undefined,
  model: undefined,
  models: undefined,
  tools: [{ profile: undefined, alsoAllow: [], allow: [], deny, toolsets: undefined }],
  persona: '',
  publicMode: false,
});

const serve = (bench: Bench, agents = [agent('main')], toolbox: Bench['box'] = bench.box): ServedTools =>
  openServedTools({
    toolbox,
    home: bench.home,
    agents,
    allowed: () => new Set(bench.box.tools.keys()),
    clock: systemClock,
    log: silentLog,
  });

const call = (name: string, args: ToolInvocation['args']): ToolInvocation => ({
  name,
  args,
  call: 'c1',
  task: 't1',
  session: 's1',
  platform: 'api_server',
});
const never = new AbortController().signal;

describe('a tool that is called without a turn', () => {
  test('answers as in a turn, also when it reads the same again', async () => {
    await using bench = await openBench();
    await writeFile(join(bench.dir, 'a.txt'), 'hello');
    const tools = serve(bench);
    for (let time = 0; time < 3; time++) {
      const result = await tools.invoke(call('read_file', { path: 'a.txt' }), never);
      expect(result.kind === 'done' && result.text).toContain('hello');
    }
  });

  test('OC-38: says which argument does not fit, and what the tool itself found wrong', async () => {
    await using bench = await openBench();
    const tools = serve(bench);
    const wrong = await tools.invoke(call('read_file', { path: 7 }), never);
    expect(wrong).toMatchObject({ kind: 'failed', why: expect.stringContaining('path') });
    const missing = await tools.invoke(call('read_file', { path: 'nowhere.txt' }), never);
    expect(missing.kind).toBe('failed');
  });

  test('is refused when a person would have to consent, and nothing has run', async () => {
    await using bench = await openBench();
    const result = await serve(bench).invoke(call('terminal', { command: 'rm -rf ./x' }), never);
    expect(result.kind).toBe('unapproved');
  });

  test('meets the unconditional block list', async () => {
    await using bench = await openBench();
    const result = await serve(bench).invoke(call('terminal', { command: 'rm -rf /' }), never);
    expect(result.kind).toBe('refused');
  });

  test('that throws tells its caller nothing of the reason', async () => {
    await using bench = await openBench();
    const todo = bench.box.tools.get('todo')!;
    const broken = { ...todo, run: () => Promise.reject(new Error('secret')) };
    const box = { ...bench.box, tools: new Map([['todo', broken]]) };
    expect(await serve(bench, undefined, box).invoke(call('todo', {}), never)).toEqual({ kind: 'crashed' });
  });

  test('that ignores the end of its caller is given up', async () => {
    await using bench = await openBench();
    const clock = virtualClock();
    const todo = bench.box.tools.get('todo')!;
    const stuck = { ...todo, run: () => new Promise<string>(() => {}) };
    const tools = openServedTools({
      toolbox: { ...bench.box, tools: new Map([['todo', stuck]]) },
      home: bench.home,
      agents: [],
      allowed: () => new Set(['todo']),
      clock,
      log: silentLog,
    });
    const stop = new AbortController();
    const result = tools.invoke(call('todo', {}), stop.signal);
    stop.abort();
    await clock.advance(1_000);
    expect((await result).kind).toBe('failed');
  });
});

describe('tools of an agent', () => {
  test('are the same set every time, so that what is made of it once can be kept', async () => {
    await using bench = await openBench();
    const main = agent('main');
    const tools = serve(bench, [main]);
    expect(tools.namesFor(main, true)).toBe(tools.namesFor(main, true));
  });

  test('OC-36: lose what only owners have when somebody else asks', async () => {
    await using bench = await openBench();
    const todo = bench.box.tools.get('todo')!;
    const pay = { ...todo, name: 'pay', risk: 'owner' as const };
    const tools = openServedTools({
      toolbox: { ...bench.box, tools: new Map([...bench.box.tools, ['pay', pay]]) },
      home: bench.home,
      agents: [],
      allowed: () => new Set(['todo', 'pay', 'cronjob']),
      clock: systemClock,
      log: silentLog,
    });
    const main = agent('main');
    expect(['todo', 'pay', 'cronjob'].filter((name) => tools.namesFor(main, true).has(name))).toHaveLength(3);
    expect(['todo', 'pay', 'cronjob'].filter((name) => tools.namesFor(main, false).has(name))).toEqual([
      'todo',
    ]);
  });

  test('a rule that names no tool at all is said at the start', async () => {
    await using bench = await openBench();
    const said: unknown[] = [];
    openServedTools({
      toolbox: bench.box,
      home: bench.home,
      agents: [agent('a', ['exce'])],
      allowed: () => new Set(),
      clock: systemClock,
      log: (_level, event, data) => said.push([event, data]),
    });
    expect(said).toEqual([['tools.unknown-name', { names: ['exce'] }]]);
  });
});
