import { readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBench } from './testing.ts';

/** Command lines of living processes that contain `text`. */
async function living(text: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(text));
}
const unique = () => `7${Math.floor(Math.random() * 1e7)}`;

describe('terminal', () => {
  it('keeps directory, exports, functions and aliases from command to command', async () => {
    await using bench = await openBench();
    await bench.call('terminal', {
      command: 'cd /tmp; export A=5; f() { echo "f $1"; }; alias hi="echo hello"',
    });
    const { output, exit_code, error } = await bench.call('terminal', { command: 'pwd; echo $A; f x; hi' });
    expect({ output, exit_code, error }).toEqual({
      output: '/tmp\n5\nf x\nhello\n',
      exit_code: 0,
      error: null,
    });
    expect(await bench.call('terminal', { command: 'cd / && exit 7' })).toMatchObject({ exit_code: 7 });
    expect(await bench.call('terminal', { command: 'pwd' })).toMatchObject({ output: '/\n' });
  });

  it('keeps the state of two tasks apart', async () => {
    await using bench = await openBench();
    await bench.call('terminal', { command: 'cd /; export A=1' }, { task: 'one' });
    expect(await bench.call('terminal', { command: 'pwd; echo "$A"' }, { task: 'two' })).toMatchObject({
      output: `${bench.dir}\n\n`,
    });
  });

  it('merges stderr in order and gives the exit code with its meaning', async () => {
    await using bench = await openBench();
    expect(await bench.call('terminal', { command: 'echo a; echo b >&2; echo c' })).toMatchObject({
      output: 'a\nb\nc\n',
    });
    expect(await bench.call('terminal', { command: 'cd /; grep x /dev/null' })).toMatchObject({
      exit_code: 1,
      exit_code_meaning: expect.stringContaining('No matches'),
    });
    expect(await bench.call('terminal', { command: 'kill -9 $$' })).toMatchObject({ exit_code: 137 });
  });

  it('ends a command at its timeout with 124 and leaves no process', async () => {
    await using bench = await openBench();
    const mark = unique();
    const result = await bench.call('terminal', { command: `echo before; sleep ${mark}`, timeout: 1 });
    expect(result).toMatchObject({
      exit_code: 124,
      output: expect.stringMatching(/^before\n(Terminated\n)?\[Command timed out after 1s\]$/),
    });
    expect(await living(mark)).toEqual([]);
  });

  it.each([
    ['a child that ignores SIGTERM', (mark: string) => `trap "" TERM; sleep ${mark}; sleep ${mark}`],
    ['grandchildren', (mark: string) => `(sleep ${mark} | cat | (sleep ${mark}; true)) ; sleep ${mark}`],
    [
      'a descendant that left the process group',
      (mark: string) => `python3 -c "" 2>/dev/null; perl -e 'setpgrp; exec "sleep", "${mark}"' | cat`,
    ],
  ])('is interrupted within a second and leaves no process: %s', async (_, command) => {
    await using bench = await openBench({ answer: 'allowed' });
    const mark = unique();
    const stop = new AbortController();
    const running = bench.call('terminal', { command: command(mark) }, { signal: stop.signal });
    while ((await living(mark)).length < 2) await new Promise((next) => setTimeout(next, 20));
    stop.abort();
    expect(await running).toMatchObject({
      exit_code: 130,
      output: expect.stringContaining('[Command interrupted]'),
    });
    expect(await living(mark)).toEqual([]);
    // The shell of the task is still usable.
    expect(await bench.call('terminal', { command: 'echo on' })).toMatchObject({ output: 'on\n' });
  });

  it('shows beginning and end of long output within the limit', async () => {
    await using bench = await openBench();
    const { output } = await bench.call('terminal', {
      command: 'echo first; head -c 200000 /dev/zero | tr "\\0" x | fold; echo; echo last',
    });
    const text = output as string;
    expect(text).toMatch(/^first\n/);
    expect(text).toMatch(/\nlast\n$/);
    const notice = /\.\.\. \[OUTPUT TRUNCATED - (\d+) chars omitted out of (\d+) total\] \.\.\./.exec(text)!;
    expect(text.length - notice[0].length).toBeLessThanOrEqual(50_000 + 4);
    expect(Number(notice[1]) + text.length - notice[0].length - 4).toBe(Number(notice[2]));
  });

  it('stays small while a command prints without end', async () => {
    await using bench = await openBench();
    const before = process.memoryUsage().rss;
    const { output } = await bench.call('terminal', { command: 'yes | head -c 300000000' });
    expect((output as string).length).toBeLessThan(51_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });

  it('removes terminal escapes and configured secrets from the output', async () => {
    await using bench = await openBench({ secrets: ['hunter2hunter2'] });
    const { output } = await bench.call('terminal', {
      command: String.raw`printf '\033[31mred\033[0m hunter2hunter2\n'`,
    });
    expect(output).toMatch(/^red \S+\n$/);
    expect(output).not.toContain('hunter2hunter2');
  });

  it.each([
    'npm run dev',
    'yarn start',
    'python -m http.server',
    'sleep 1 &',
    'nohup sleep 1',
    'setsid sleep 1',
    'cd a && pnpm dev',
    '(sleep 1 &)',
  ])('refuses %s in the foreground and says what to do', async (command) => {
    await using bench = await openBench();
    expect(await bench.call('terminal', { command })).toMatchObject({
      exit_code: -1,
      status: 'error',
      error: expect.stringContaining('background=true'),
    });
  });

  it.each([
    'npm run dev --help',
    'echo "a & b"',
    "echo 'npm run dev'",
    'echo a 2>&1',
    'true && echo b',
    'nohup --version',
  ])('runs %s', async (command) => {
    await using bench = await openBench();
    expect(await bench.call('terminal', { command })).not.toHaveProperty('status');
  });

  it('rejects a foreground timeout above the maximum and a workdir with shell characters', async () => {
    await using bench = await openBench();
    expect(await bench.call('terminal', { command: 'ls', timeout: 900 })).toMatchObject({ status: 'error' });
    expect(await bench.call('terminal', { command: 'ls', workdir: 'a;b' })).toMatchObject({
      status: 'blocked',
      error: expect.stringMatching(/^Blocked: workdir contains disallowed character ';'\. /),
    });
    expect(await bench.call('terminal', { command: 'pwd', workdir: '/' })).toMatchObject({ output: '/\n' });
  });

  it('gives children no secret of the gateway, and marks them', async () => {
    await using bench = await openBench({ childEnv: { VISIBLE: 'yes' } });
    const { output } = await bench.call('terminal', { command: 'env' });
    expect(output).toContain('_HERMES_GATEWAY=1\n');
    expect(output).toContain('VISIBLE=yes\n');
    expect(output).toMatch(/^PATH=.*\/usr\/local\/bin/m);
    expect(output).not.toContain('VITEST');
  });

  it('removes its temporary state when it closes', async () => {
    const shells = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('hermes-shell-'));
    const before = await shells();
    let inside: readonly string[];
    {
      await using bench = await openBench();
      await bench.call('terminal', { command: 'export TOKEN=x' });
      inside = (await shells()).filter((name) => !before.includes(name));
      for (const name of inside) expect((await stat(join(tmpdir(), name))).mode & 0o777).toBe(0o700);
    }
    expect(inside.length).toBeGreaterThan(0);
    const after = await shells();
    expect(inside.some((name) => after.includes(name))).toBe(false);
  });
});

describe('consent', () => {
  it('asks with the description as key, and runs only what was allowed', async () => {
    await using bench = await openBench({ answer: 'allowed' });
    expect(await bench.call('terminal', { command: 'mkdir d; rm -r d; echo done' })).toMatchObject({
      output: 'done\n',
      approval: expect.stringContaining('recursive delete'),
    });
    expect(bench.asked).toEqual([
      { keys: ['recursive delete'], command: 'mkdir d; rm -r d; echo done', why: 'recursive delete' },
    ]);
  });

  it('tells the model that a denied command must not be retried in another way, and does not run it', async () => {
    await using bench = await openBench();
    const result = await bench.call('terminal', { command: 'mkdir d; rm -r d' });
    expect(result).toMatchObject({ exit_code: -1, status: 'blocked', output: '' });
    expect(result['error']).toMatch(/^BLOCKED: .*not consented.*Do not retry.*rephrase.*same outcome/);
    await expect(stat(join(bench.dir, 'd'))).rejects.toThrow();
  });

  it.each([
    { security: { yolo: true } },
    { approvals: { mode: 'off' as const } },
    { approvals: { commandAllowlist: ['recursive delete'] } },
    { approvals: { commandAllowlist: ['rm'] } },
  ])('does not ask with %j, yet the block list holds', async (changes) => {
    await using bench = await openBench(changes);
    expect(await bench.call('terminal', { command: 'mkdir d; rm -r d' })).toMatchObject({ exit_code: 0 });
    expect(await bench.call('terminal', { command: 'rm -rf / --no-preserve-root --help' })).toMatchObject({
      status: 'blocked',
      error: expect.stringMatching(/^BLOCKED \(hardline\): recursive delete of root filesystem\./),
    });
    expect(bench.asked).toEqual([]);
  });
});

describe('process', () => {
  it('starts, feeds, waits for and lists a background process', async () => {
    await using bench = await openBench();
    const started = await bench.call('terminal', {
      command: 'read x; echo "got $x"; exit 4',
      background: true,
    });
    expect(started).toMatchObject({
      output: 'Background process started',
      exit_code: 0,
      session_id: expect.stringMatching(/^proc_[0-9a-f]{12}$/),
    });
    const { session_id } = started;
    expect(await bench.call('process', { action: 'poll', session_id })).toMatchObject({ status: 'running' });
    expect(await bench.call('process', { action: 'submit', session_id, data: 'hello' })).toEqual({
      status: 'ok',
      bytes_written: 6,
    });
    expect(await bench.call('process', { action: 'wait', session_id })).toEqual({
      status: 'exited',
      exit_code: 4,
      output: 'got hello\n',
    });
    expect(await bench.call('process', { action: 'list' })).toMatchObject({
      processes: [{ session_id, status: 'exited', exit_code: 4 }],
    });
    expect(await bench.call('process', { action: 'log', session_id })).toMatchObject({
      output: 'got hello',
      total_lines: 1,
      showing: '1 lines',
    });
    expect(await bench.call('process', { action: 'kill', session_id })).toMatchObject({
      status: 'already_exited',
    });
  });

  it('kills the whole tree and reports -15', async () => {
    await using bench = await openBench();
    const mark = unique();
    const { session_id } = await bench.call('terminal', {
      command: `trap "" TERM; (sleep ${mark}; true) | cat; sleep ${mark}`,
      background: true,
    });
    while ((await living(mark)).length < 2) await new Promise((next) => setTimeout(next, 20));
    expect(await bench.call('process', { action: 'kill', session_id })).toEqual({
      status: 'killed',
      session_id,
    });
    expect(await living(mark)).toEqual([]);
    expect(await bench.call('process', { action: 'poll', session_id })).toMatchObject({
      status: 'exited',
      exit_code: -15,
    });
  });

  it('ends its input, and reports a wait that was too long or interrupted', async () => {
    await using bench = await openBench({ terminal: { timeoutMs: 50 } });
    const { session_id } = await bench.call('terminal', { command: 'cat; sleep 60', background: true });
    expect(await bench.call('process', { action: 'wait', session_id, timeout: 30 })).toMatchObject({
      status: 'timeout',
      timeout_note: expect.stringContaining('terminal.timeout'),
    });
    expect(await bench.call('process', { action: 'close', session_id })).toMatchObject({ status: 'ok' });
    expect(await bench.call('process', { action: 'write', session_id, data: 'x' })).toHaveProperty('error');
    expect(
      await bench.call('process', { action: 'wait', session_id }, { signal: AbortSignal.abort() }),
    ).toMatchObject({ status: 'interrupted' });
  });

  it('knows nothing of processes of other tasks', async () => {
    await using bench = await openBench();
    const { session_id } = await bench.call(
      'terminal',
      { command: 'sleep 60', background: true },
      { task: 'one' },
    );
    expect(await bench.call('process', { action: 'list' }, { task: 'two' })).toEqual({ processes: [] });
    expect(await bench.call('process', { action: 'kill', session_id }, { task: 'two' })).toEqual({
      status: 'not_found',
      error: `No process with ID ${session_id as string}`,
    });
  });

  it('leaves nothing running when the toolbox closes, and starts nothing afterwards', async () => {
    const mark = unique();
    {
      await using bench = await openBench();
      await bench.call('terminal', { command: `sleep ${mark}`, background: true });
      expect((await living(mark)).length).toBeGreaterThan(0);
    }
    expect(await living(mark)).toEqual([]);
  });
});
