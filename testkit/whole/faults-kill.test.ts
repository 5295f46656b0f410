import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { framesOf } from './frames.ts';
import { type Served, serve } from './served.ts';

const served = serve();
const { seen } = served;
const soon = { timeout: 10_000 };

/** Reads a stream until a frame that `isThere` takes, kills the gateway with the connection open, and starts the next one. */
async function killAt(request: { path: string; body: object }, isThere: (data: string) => boolean) {
  const response = await served.post(request.path, { ...request.body, stream: true });
  let first = '';
  for await (const { data } of framesOf(response)) {
    first ||= data;
    if (isThere(data)) break;
  }
  await served.restart('SIGKILL');
  return first;
}

const statusOf = async ({ client }: Served, id: string) => (await client.responses.retrieve(id)).status;

/** Words, a tool that is quick, words, and then a tool that is not. */
function twoSteps(folder: string): void {
  const run = (command: string) => [{ name: 'terminal', arguments: { command } }];
  let calls = 0;
  served.answer(() => {
    calls += 1;
    if (calls === 1) return { text: 'First. ', toolCalls: run(`echo ran >> ${folder}/quick`) };
    if (calls === 2)
      return { text: 'Second. ', toolCalls: run(`echo ran >> ${folder}/slow; exec sleep 300`) };
    return { text: 'All done.' };
  });
}

const points: readonly (readonly [string, (data: string) => boolean])[] = [
  ['before anything was said', (data) => data.includes('"response.created"')],
  ['in the middle of its words', (data) => data.includes('First.')],
  ['while its first tool runs', (data) => data.includes('echo ran')],
  ['after a tool', (data) => data.includes('"function_call_output"')],
  ['in its second step', (data) => data.includes('exec sleep')],
];

describe('kill -9 in the middle of a stored response', () => {
  it.each(points)('%s leaves it incomplete, and its conversation goes on', async (name, isThere) => {
    twoSteps(served.home.path);
    const conversation = `killed ${name}`;
    const first = await killAt({ path: '/v1/responses', body: { input: 'work', conversation } }, isThere);
    const { id } = (JSON.parse(first) as { response: { id: string } }).response;
    const calls = seen().length;
    expect(await served.client.responses.retrieve(id)).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'interrupted' },
    });
    expect(await served.active()).toBe(0);
    served.answer(() => ({ text: 'going on' }));
    const next = await served.client.responses.create({ input: 'go on', conversation });
    expect(next.output_text).toBe('going on');
    expect(JSON.stringify(served.shown())).toMatch(/work.*go on/);
    // Nothing but the new request reached the model after the restart.
    expect(seen()).toHaveLength(calls + 1);
  });

  it('that runs in the background resumes it with what its tools had done', async () => {
    const folder = served.home.path;
    const slow = join(folder, 'background-slow');
    let calls = 0;
    served.answer(() => {
      calls += 1;
      const command = calls === 1 ? `echo quick >> ${folder}/background` : `touch ${slow}; sleep 300`;
      return calls > 2
        ? { text: 'All done.' }
        : { toolCalls: [{ name: 'terminal', arguments: { command } }] };
    });
    const { id } = await served.client.responses.create({ input: 'work', background: true });
    await expect.poll(() => existsSync(slow), soon).toBe(true);
    await served.restart('SIGKILL');
    await expect.poll(() => statusOf(served, id), soon).toBe('completed');
    const ended = await served.client.responses.retrieve(id);
    expect(ended.output_text).toBe('All done.');
    // The finished tool was not run again; the model was told that the other one's outcome is unknown.
    expect(readFileSync(join(folder, 'background'), 'utf8')).toBe('quick\n');
    expect(JSON.stringify(served.shown())).toMatch(/interrupted/i);
  });
});

describe('kill -9 in the middle of a chat completion', () => {
  const body = { messages: [{ role: 'user', content: 'pay' }] };
  const headers = { 'Idempotency-Key': 'pay-after-a-crash' };

  it('ends its turn; the same Idempotency-Key runs it again, once', async () => {
    served.answer(() => ({ text: 'one two', fault: { kind: 'hang-mid-stream' } }));
    const asked = served.post('/v1/chat/completions', body, { headers });
    const gone = expect(asked).rejects.toThrow();
    await expect.poll(() => seen().length, soon).toBe(1);
    await served.restart('SIGKILL');
    await gone;
    expect(await served.active()).toBe(0);
    expect(seen()).toHaveLength(1);
    served.answer(() => ({ text: 'paid' }));
    const again = () => served.post('/v1/chat/completions', body, { headers });
    const answers = await Promise.all([again(), again()].map(async (one) => (await one).json()));
    for (const answer of answers)
      expect(answer).toMatchObject({ choices: [{ message: { content: 'paid' } }] });
    expect(seen()).toHaveLength(2);
  });

  it('leaves nothing that a later request could meet', async () => {
    served.answer(() => ({ text: 'one two', fault: { kind: 'hang-mid-stream' } }));
    await killAt({ path: '/v1/chat/completions', body }, (data) => data.includes('one'));
    served.answer(() => ({ text: 'hello' }));
    const answer = await served.client.chat.completions.create({
      model: 'm',
      messages: [{ role: 'user', content: 'pay' }],
    });
    expect(answer.choices[0]?.message.content).toBe('hello');
    expect(served.shown().map(({ content }) => content)).toEqual(['pay']);
  });
});
