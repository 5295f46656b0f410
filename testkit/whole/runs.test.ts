import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RunEvent, type RunStatus, runEvent, runStatus } from '../../src/api/runs/schema.ts';
import { serve } from './served.ts';

const served = serve({ env: { HERMES_RESTART_DRAIN_TIMEOUT: '1' } });

async function startRun(body: unknown, headers: Record<string, string> = {}): Promise<string> {
  const response = await served.post('/v1/runs', body, { headers });
  expect(response.status).toBe(202);
  return ((await response.json()) as { readonly run_id: string }).run_id;
}

/** The status as the schema promises it. */
async function statusOf(run: string): Promise<RunStatus> {
  return runStatus.parse(await (await served.call(`/v1/runs/${run}`)).json());
}

const until = (run: string, status: string) =>
  expect.poll(async () => (await statusOf(run)).status, { timeout: 15_000 }).toBe(status);

const control = async (run: string, what: string, body: unknown = {}) => {
  const response = await served.post(`/v1/runs/${run}/${what}`, body);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};

interface Heard {
  readonly events: readonly (RunEvent & { readonly id: number })[];
  readonly isClosed: boolean;
}

const read = (text: string): Heard => ({
  events: text.split('\n\n').flatMap((frame) => {
    const [, id, data] = /^id: (\d+)\ndata: (.*)$/.exec(frame) ?? [];
    return data === undefined ? [] : [{ ...runEvent.parse(JSON.parse(data)), id: Number(id) }];
  }),
  isClosed: text.endsWith(': stream closed\n\n'),
});

/** Everything until the stream ends. */
async function listen(run: string, after?: number): Promise<Heard> {
  const response = await served.call(`/v1/runs/${run}/events`, {
    headers: after === undefined ? {} : { 'last-event-id': String(after) },
  });
  expect(response.status).toBe(200);
  return read(await response.text());
}

const namesOf = ({ events }: Heard) => events.map(({ event }) => event);
const said = ({ events }: Heard) =>
  events.map((each) => (each.event === 'message.delta' ? each.delta : '')).join('');

const terminal = (command: string) => ({ toolCalls: [{ name: 'terminal', arguments: { command } }] });

describe('a run', () => {
  it('85, 86. is there at once, tells what it does, and keeps its end for readers who come later', async () => {
    served.upstream.script(terminal('echo 42'), { text: 'all done' });
    const run = await startRun({ input: 'count', instructions: 'be brief' });
    expect(run).toMatch(/^run_[0-9a-f]{32}$/);
    expect(await statusOf(run)).toMatchObject({ object: 'hermes.run', run_id: run, session_id: run });
    const [first, second] = await Promise.all([listen(run), listen(run)]);
    expect(first).toEqual(second);
    expect(namesOf(first).filter((name) => name !== 'message.delta')).toEqual([
      'tool.started',
      'tool.completed',
      'run.completed',
    ]);
    expect([said(first), first.isClosed]).toEqual(['all done', true]);
    expect(first.events.map(({ id }) => id)).toEqual(first.events.map((_, i) => i + 1));
    expect(await statusOf(run)).toMatchObject({
      status: 'completed',
      output: 'all done',
      last_event: 'run.completed',
    });
    expect(await listen(run)).toEqual(first);
    expect((await listen(run, 2)).events).toEqual(first.events.slice(2));
    expect(JSON.stringify(served.seen()[0]?.body)).toContain('be brief');
  });

  it('asks for consent, waits in place and goes on with the answer', async () => {
    const kept = join(served.home.path, 'kept');
    writeFileSync(kept, '');
    served.upstream.script(terminal(`rm -r ${kept}`), { text: 'gone' });
    const run = await startRun({ input: 'clean up' });
    await until(run, 'waiting_for_approval');
    expect((await statusOf(run)).approval).toMatchObject({
      command: `rm -r ${kept}`,
      description: expect.stringContaining('recursive delete'),
      choices: ['once', 'session', 'always', 'deny'],
    });
    expect(existsSync(kept)).toBe(true);
    expect(await control(run, 'steer', { input: 'x' })).toMatchObject({
      status: 409,
      body: { error: { code: 'run_not_accepting_steer' } },
    });
    expect(await control(run, 'approval', { choice: 'approved' })).toEqual({
      status: 200,
      body: { object: 'hermes.run.approval_response', run_id: run, choice: 'once', resolved: 1 },
    });
    const heard = await listen(run);
    expect(namesOf(heard)).toEqual(
      expect.arrayContaining(['approval.request', 'approval.responded', 'run.completed']),
    );
    expect(existsSync(kept)).toBe(false);
    expect((await control(run, 'approval', { choice: 'once' })).body).toMatchObject({
      error: { code: 'approval_not_active' },
    });
  });

  it('is not allowed what was denied, and the model is told so', async () => {
    const kept = join(served.home.path, 'kept');
    writeFileSync(kept, '');
    served.upstream.script(terminal(`rm -r ${kept}`), { text: 'then not' });
    const run = await startRun({ input: 'clean up' });
    await until(run, 'waiting_for_approval');
    await control(run, 'approval', { choice: 'deny' });
    await until(run, 'completed');
    expect(existsSync(kept)).toBe(true);
    expect(served.shown().at(-1)?.content).toContain('BLOCKED');
  });

  it('91. that is stopped while a tool runs is cancelled when the tool has ended', async () => {
    served.upstream.script(terminal('sleep 30'));
    const run = await startRun({ input: 'wait' });
    await expect.poll(async () => (await statusOf(run)).last_event, { timeout: 10_000 }).toBe('tool.started');
    expect(await control(run, 'stop')).toEqual({ status: 200, body: { run_id: run, status: 'stopping' } });
    const heard = await listen(run);
    expect(namesOf(heard).at(-1)).toBe('run.cancelled');
    expect(await control(run, 'stop')).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect(served.seen()).toHaveLength(1);
  });

  it('takes guidance, which the model reads in its next request', async () => {
    served.upstream.script(terminal('sleep 1; echo slept'), { text: 'as you wish' });
    const run = await startRun({ input: 'work' });
    await expect.poll(async () => (await statusOf(run)).last_event, { timeout: 10_000 }).toBe('tool.started');
    expect(await control(run, 'steer', { text: 'in French, please' })).toEqual({
      status: 200,
      body: { object: 'hermes.run.steer', run_id: run, accepted: true },
    });
    expect(await statusOf(run)).toMatchObject({ pending_steer: 'in French, please' });
    const heard = await listen(run);
    expect(namesOf(heard)).toContain('run.steered');
    expect(served.shown().at(-1)?.content).toContain('User guidance: in French, please');
    expect(await statusOf(run)).not.toHaveProperty('pending_steer');
  });

  it('killed in the middle goes on after the restart: finished tools are not repeated, numbers go on', async () => {
    const marks = join(served.home.path, 'marks');
    served.upstream.script(
      terminal(`echo once >> ${marks}; cat ${marks}`),
      { text: 'one two three four', fault: { kind: 'hang-mid-stream', after: 3 } },
      { text: 'one two three four five' },
    );
    const run = await startRun({ input: 'work', session_id: 'long-work' }, { 'idempotency-key': 'kill-1' });
    await expect
      .poll(async () => (await statusOf(run)).last_event, { timeout: 10_000 })
      .toBe('message.delta');
    await served.restart('SIGKILL');
    expect(['running', 'completed', 'queued']).toContain((await statusOf(run)).status);
    const heard = await listen(run);
    const names = namesOf(heard).filter((name) => name !== 'message.delta');
    expect(names).toEqual(['tool.started', 'tool.completed', 'run.resumed', 'run.completed']);
    expect(heard.events.map(({ id }) => id)).toEqual(heard.events.map((_, i) => i + 1));
    expect(await statusOf(run)).toMatchObject({
      status: 'completed',
      session_id: 'long-work',
      output: 'one two three four five',
    });
    expect(served.shown().at(-1)?.content).toContain('once');
    expect(served.shown().at(-1)?.content).not.toContain('once\\nonce');
    const again = await served.post(
      '/v1/runs',
      { session_id: 'long-work', input: 'work' },
      { headers: { 'idempotency-key': 'kill-1' } },
    );
    expect([again.status, again.headers.get('idempotency-replayed'), await again.json()]).toEqual([
      202,
      'true',
      { run_id: run, status: 'completed', replayed: true },
    ]);
    await served.restart('SIGKILL');
    expect((await listen(run)).events).toEqual(heard.events);
  });

  it('goes on after a graceful restart too, and its readers know that they have to come again', async () => {
    served.upstream.script({ text: 'a b c d', fault: { kind: 'hang-mid-stream' } });
    const run = await startRun({ input: 'work' });
    await expect
      .poll(async () => (await statusOf(run)).last_event, { timeout: 10_000 })
      .toBe('message.delta');
    served.upstream.script({ text: 'a b c d e' });
    const cut = listen(run);
    await served.restart('SIGTERM');
    expect((await cut).isClosed).toBe(false);
    await until(run, 'completed');
    expect((await statusOf(run)).output).toBe('a b c d e');
  });

  it('killed after guidance was accepted still hears it', async () => {
    const file = join(served.home.path, 'heard');
    served.upstream.script(terminal(`touch ${file}; sleep 30`), { text: 'as you wish' });
    const run = await startRun({ input: 'work' });
    await expect.poll(() => existsSync(file), { timeout: 10_000 }).toBe(true);
    expect((await control(run, 'steer', { input: 'in Latin' })).status).toBe(200);
    await served.restart('SIGKILL');
    await until(run, 'completed');
    expect(served.shown().at(-1)?.content).toContain('User guidance: in Latin');
    expect(await statusOf(run)).not.toHaveProperty('pending_steer');
  });

  it('killed after its stop was accepted does not go on', async () => {
    served.upstream.script({ text: 'a b c d', fault: { kind: 'hang-mid-stream' } });
    const first = await startRun({ input: 'work', session_id: 'stopped' });
    await expect
      .poll(async () => (await statusOf(first)).last_event, { timeout: 10_000 })
      .toBe('message.delta');
    const waiting = await startRun({ input: 'more', session_id: 'stopped' });
    expect((await statusOf(waiting)).status).toBe('queued');
    expect((await control(waiting, 'stop')).body).toEqual({ run_id: waiting, status: 'stopping' });
    served.upstream.script({ text: 'first' });
    await served.restart('SIGKILL');
    await until(first, 'completed');
    await until(waiting, 'cancelled');
    expect(served.seen()).toHaveLength(2);
  });

  it('killed while it waits for consent ends all the same, and nothing ran', async () => {
    const kept = join(served.home.path, 'kept');
    writeFileSync(kept, '');
    served.upstream.script(terminal(`rm -r ${kept}`), terminal(`rm -r ${kept}`), { text: 'gone' });
    const run = await startRun({ input: 'clean up' });
    await until(run, 'waiting_for_approval');
    const before = (await statusOf(run)).approval;
    await served.restart('SIGKILL');
    await until(run, 'waiting_for_approval');
    expect((await statusOf(run)).approval?.request_id).not.toBe(before?.request_id);
    expect(existsSync(kept)).toBe(true);
    await control(run, 'approval', { choice: 'once' });
    await until(run, 'completed');
    expect(existsSync(kept)).toBe(false);
  });

  it('what its owner allows for ever is written into the configuration and not asked again', async () => {
    const again = async (name: string) => {
      const repository = join(served.home.path, name);
      served.upstream.script(terminal(`git -C ${repository} push -f`), { text: 'pushed' });
      return startRun({ input: 'push' });
    };
    const asked = await again('one');
    await until(asked, 'waiting_for_approval');
    const keys = (await statusOf(asked)).approval?.pattern_keys ?? [];
    expect((await control(asked, 'approval', { choice: 'always' })).status).toBe(200);
    await until(asked, 'completed');
    await until(await again('two'), 'completed');
    await expect
      .poll(() => readFileSync(join(served.home.path, 'config.yaml'), 'utf8'), { timeout: 5_000 })
      .toContain(keys[0]);
    await served.restart('SIGTERM');
    await until(await again('three'), 'completed');
  });

  it('continues the session its session key stands for', async () => {
    const headers = { 'x-hermes-session-key': 'ann' };
    const one = await startRun({ input: 'my name is Ann' }, headers);
    await until(one, 'completed');
    const two = await startRun({ input: 'who am I' }, headers);
    await until(two, 'completed');
    expect((await statusOf(two)).session_id).toBe(one);
    expect(served.shown().map(({ content }) => content)).toEqual([
      'my name is Ann',
      'echo: my name is Ann',
      'who am I',
    ]);
  });

  it('continues a response', async () => {
    const response = await served.client.responses.create({ input: 'my name is Bob' });
    const run = await startRun({ input: 'who am I', previous_response_id: response.id });
    await until(run, 'completed');
    expect(served.shown().map(({ content }) => content)).toEqual([
      'my name is Bob',
      'echo: my name is Bob',
      'who am I',
    ]);
  });

  it('counts at the cap together with every other turn, also those that a restart brought back', async () => {
    served.upstream.script(
      ...Array.from({ length: 10 }, () => ({ text: 'a b c d', fault: { kind: 'hang-mid-stream' as const } })),
    );
    const runs = [];
    for (let n = 0; n < 10; n += 1) runs.push(await startRun({ input: 'x' }));
    const full = async () => {
      const chat = await served.post('/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] });
      const run = await served.post('/v1/runs', { input: 'x' });
      expect([chat.status, run.status, run.headers.get('retry-after')]).toEqual([429, 429, '1']);
      expect(await run.json()).toMatchObject({
        error: { message: 'Too many concurrent runs (max 10)', code: 'rate_limit_exceeded' },
      });
    };
    await full();
    await expect.poll(() => served.seen().length, { timeout: 10_000 }).toBe(10);
    served.upstream.script(
      ...runs.map(() => ({ text: 'a b c d', fault: { kind: 'hang-mid-stream' as const } })),
    );
    await served.restart('SIGKILL');
    await full();
    await expect.poll(() => served.seen().length, { timeout: 10_000 }).toBe(20);
    for (const run of runs) await control(run, 'stop');
    for (const run of runs) await until(run, 'cancelled');
    await until(await startRun({ input: 'x' }), 'completed');
  });
});

describe('a run of another caller', () => {
  const apart = serve({
    yaml: () =>
      'platforms: {api_server: {keys: [{name: ci, key: ci-secret-0123456789, scopes: [runs]}, {name: chat, key: chat-secret-0123456789, scopes: [chat]}]}}',
  });

  it('is not there, whatever is asked of it; its idempotency keys are its own', async () => {
    const ci = { authorization: 'Bearer ci-secret-0123456789' };
    const retry = { 'idempotency-key': 'same' };
    const mine = await apart.post('/v1/runs', { input: 'x' }, { headers: retry });
    const { run_id: run } = (await mine.json()) as { readonly run_id: string };
    for (const [path, init] of [
      [`/v1/runs/${run}`, {}],
      [`/v1/runs/${run}/events`, {}],
      [`/v1/runs/${run}/stop`, { method: 'POST' }],
      [`/v1/runs/${run}/approval`, { method: 'POST', body: '{"choice":"once"}' }],
      [`/v1/runs/${run}/steer`, { method: 'POST', body: '{"input":"x"}' }],
    ] as const) {
      const reply = await apart.call(path, { ...init, headers: ci });
      expect([path, reply.status]).toEqual([path, 404]);
    }
    const theirs = await apart.post('/v1/runs', { input: 'y' }, { headers: { ...retry, ...ci } });
    expect(await theirs.json()).toMatchObject({ replayed: false });
    const chat = { authorization: 'Bearer chat-secret-0123456789' };
    expect((await apart.post('/v1/runs', { input: 'x' }, { headers: chat })).status).toBe(403);
  });

  it('may not allow for ever what is not its machine', async () => {
    const ci = { authorization: 'Bearer ci-secret-0123456789' };
    await expect.poll(() => apart.active(), { timeout: 10_000 }).toBe(0);
    apart.upstream.script(terminal('git push -f'), { text: 'pushed' });
    const begun = await apart.post('/v1/runs', { input: 'x' }, { headers: ci });
    const { run_id: run } = (await begun.json()) as { readonly run_id: string };
    const look = async () =>
      runStatus.parse(await (await apart.call(`/v1/runs/${run}`, { headers: ci })).json());
    await expect.poll(async () => (await look()).status, { timeout: 10_000 }).toMatch(/waiting|completed/);
    expect((await look()).approval?.choices).toEqual(['once', 'session', 'deny']);
    const reply = await apart.post(`/v1/runs/${run}/approval`, { choice: 'always' }, { headers: ci });
    expect(reply.status).toBe(400);
    await apart.post(`/v1/runs/${run}/approval`, { choice: 'deny' }, { headers: ci });
  });
});
