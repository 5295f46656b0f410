import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cutAfter, type Frame } from './frames.ts';
import { serve } from './served.ts';

const served = serve();
const { seen, shown } = served;
const soon = { timeout: 10_000 };

/** Some words, then a tool that would run for minutes; a second model call would follow it. */
function wordsAndALongTool(pidFile: string): void {
  const command = `echo $$ > ${pidFile}; exec sleep 300`;
  served.answer(() => ({
    text: ['one ', 'two ', 'three'],
    toolCalls: [{ name: 'terminal', arguments: { command } }],
  }));
}

const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0);
    // A process that has ended and was not waited for is no process.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describe('a client that cuts its connection', () => {
  const messages = [{ role: 'user', content: 'work' }];

  it('at any frame of a chat completion ends the turn, and no further model call is made', async () => {
    const isLast = ({ data }: Frame) => data.includes('"status":"running"');
    let frames: Frame[] = [];
    let count = 0;
    do {
      const pidFile = join(served.home.path, `chat-${count}.pid`);
      // A call of the turn before may still be on its way.
      const asked = `chat ${count}`;
      const body = { messages: [{ role: 'user', content: asked }] };
      wordsAndALongTool(pidFile);
      frames = await cutAfter(served, { path: '/v1/chat/completions', body }, count, isLast);
      await expect.poll(() => served.active(), soon).toBe(0);
      expect(seen().filter(({ lastUserText }) => lastUserText === asked).length).toBeLessThanOrEqual(1);
      count += 1;
    } while (frames.length === count - 1 && !frames.some(isLast));
    // Role, three words, the tool.
    expect(frames.map(({ event }) => event).filter((event) => event !== undefined)).toEqual([
      'hermes.tool.progress',
    ]);
    expect(count).toBeGreaterThanOrEqual(5);
  });

  it('at any event of a response leaves a last snapshot, which can be continued', async () => {
    const isLast = ({ data }: Frame) => data.includes('"name":"terminal"');
    let frames: Frame[] = [];
    let count = 0;
    do {
      const conversation = `cut-${count}`;
      const input = `work ${count}`;
      wordsAndALongTool(join(served.home.path, `response-${count}.pid`));
      const body = { input, conversation };
      frames = await cutAfter(served, { path: '/v1/responses', body }, count, isLast);
      await expect.poll(() => served.active(), soon).toBe(0);
      expect(seen().filter(({ lastUserText }) => lastUserText === input).length).toBeLessThanOrEqual(1);

      const first = JSON.parse(frames[0]?.data ?? '{}') as { response?: { id: string } };
      if (first.response !== undefined) {
        const stored = await served.client.responses.retrieve(first.response.id);
        expect(stored).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'interrupted' } });
        expect(stored.usage).toBeTruthy();
        const said = frames.flatMap(({ event, data }) =>
          event === 'response.output_text.delta' ? [(JSON.parse(data) as { delta: string }).delta] : [],
        );
        expect(stored.output_text.startsWith(said.join(''))).toBe(true);
      }
      served.answer(() => ({ text: 'going on' }));
      const next = await served.client.responses.create({ input: 'go on', conversation });
      expect(next.status).toBe('completed');
      expect(shown()[0]).toMatchObject({ role: 'user', content: `work ${count}` });
      expect(shown().at(-1)).toMatchObject({ role: 'user', content: 'go on' });
      count += 1;
    } while (frames.length === count - 1 && !frames.some(isLast));
    expect(frames.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['response.created', 'response.output_text.delta', 'response.output_item.done']),
    );
    expect(count).toBeGreaterThanOrEqual(8);
  });

  it('while a tool runs ends the processes of the tool', async () => {
    const pidFile = join(served.home.path, 'tool.pid');
    wordsAndALongTool(pidFile);
    const abort = new AbortController();
    const asked = served.post('/v1/chat/completions', { messages }, { signal: abort.signal });
    await expect.poll(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim(), soon).toBeTruthy();
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(isRunning(pid)).toBe(true);
    abort.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => isRunning(pid), soon).toBe(false);
    await expect.poll(() => served.active(), soon).toBe(0);
    expect(seen()).toHaveLength(1);
  });

  it('of a response in the background changes nothing', async () => {
    served.answer(() => ({ text: 'one two three', fault: { kind: 'slow', msPerFrame: 20 } }));
    const body = { input: 'x', background: true };
    const frames = await cutAfter(served, { path: '/v1/responses', body }, 2, () => false);
    const { response } = JSON.parse(frames[0]!.data) as { response: { id: string } };
    await expect
      .poll(async () => (await served.client.responses.retrieve(response.id)).status, soon)
      .toBe('completed');
    expect((await served.client.responses.retrieve(response.id)).output_text).toBe('one two three');
  });
});

/** One request as bytes on a connection of its own. */
async function raw(path: string, body: object): Promise<Socket> {
  const { hostname, port } = new URL(served.home.apiUrl);
  const socket = connect(Number(port), hostname);
  await new Promise((resolve) => socket.once('connect', resolve));
  const text = JSON.stringify(body);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${served.home.apiKey}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
  return socket;
}

const residentMiB = () => {
  const status = readFileSync(`/proc/${served.gateway.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
};

describe('a client that does not behave', () => {
  it.each([
    [
      'chat completions',
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'x' }], stream: true },
    ],
    ['responses', '/v1/responses', { input: 'x', stream: true }],
  ])('and does not read %s is cut off, others are served and memory stays bounded', async (_, path, body) => {
    const readers = 8;
    const flood = { kind: 'flood', bytes: 200 * 1024 * 1024 } as const;
    const text = ['x'.repeat(64 * 1024)];
    served.answer(({ lastUserText }) =>
      lastUserText === 'x' ? { text, fault: flood } : { text: lastUserText },
    );
    const before = residentMiB();
    const sockets = await Promise.all(Array.from({ length: readers }, () => raw(path, body)));
    const closed = sockets.map((socket) => {
      socket.pause();
      socket.on('error', () => {});
      return new Promise((resolve) => socket.once('close', resolve));
    });
    await expect.poll(() => seen().length, soon).toBe(readers);
    const other = await served.client.responses.create({ input: 'and me?' });
    expect(other.output_text).toBe('and me?');
    await expect.poll(() => served.active(), soon).toBe(0);
    // The floods together are 1,600 MiB.
    expect(residentMiB() - before).toBeLessThan(400);
    // Each was cut from the other side: what the kernel holds is read, then the end.
    for (const socket of sockets) socket.resume();
    await Promise.all(closed);
    expect(seen().filter(({ cut }) => cut)).toHaveLength(readers);
  });

  it('and closes its half of the connection is gone: its turn ends', async () => {
    served.answer(() => ({ text: 'one two', fault: { kind: 'hang-mid-stream' } }));
    const socket = await raw('/v1/chat/completions', { messages: [{ role: 'user', content: 'half' }] });
    await expect.poll(() => seen().length, soon).toBe(1);
    socket.end();
    await expect.poll(() => served.active(), soon).toBe(0);
    socket.destroy();
  });

  it('and sends its request one byte at a time keeps nobody waiting', async () => {
    const { hostname, port } = new URL(served.home.apiUrl);
    const slow = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connect(Number(port), hostname);
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.on('error', () => {});
        socket.write('POST /v1/chat/completions HTTP/1.1\r\nHost: l');
        return socket;
      }),
    );
    try {
      const answer = await served.client.responses.create({ input: 'quick' });
      expect(answer.output_text).toBe('echo: quick');
      expect(seen()).toHaveLength(1);
    } finally {
      for (const socket of slow) socket.destroy();
    }
  });
});
