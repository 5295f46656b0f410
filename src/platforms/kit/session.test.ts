import { expect, it } from 'vitest';
import { virtualClock } from '../../../testkit/clock.ts';
import { Down, NotSent } from '../../core/outcome.ts';
import { runSession, type SocketSession } from './session.ts';

function fakeSocket() {
  const sent: string[] = [];
  let give: (next: IteratorResult<string>) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const waiting: string[] = [];
  let closed = 0;
  const messages: AsyncIterable<string> = {
    [Symbol.asyncIterator]: () => ({
      next: () =>
        new Promise((resolve, reject) => {
          const first = waiting.shift();
          if (first !== undefined) resolve({ done: false, value: first });
          give = resolve;
          fail = reject;
        }),
    }),
  };
  return {
    socket: { messages, send: (text: string) => void sent.push(text), close: () => void closed++ },
    sent,
    say: (value: string) => {
      waiting.push(value);
      give({ done: false, value: waiting.shift()! });
    },
    end: () => give({ done: true, value: undefined }),
    breakOff: (error: unknown) => fail(error),
    closed: () => closed,
  };
}

function start(receive?: SocketSession['receive']) {
  const clock = virtualClock();
  const fake = fakeSocket();
  const abort = new AbortController();
  const running = runSession(
    {
      socket: fake.socket,
      clock,
      readyMs: 20_000,
      heartbeat: { everyMs: 30_000, answerMs: 10_000, send: () => fake.socket.send('ping') },
      receive: receive ?? (async (text) => (text === 'ready' || text === 'beat' ? text : undefined)),
    },
    abort.signal,
  ).then(
    () => 'ended',
    (error: unknown) => error,
  );
  return { ...fake, clock, abort, running };
}

it('beats at its interval for as long as the platform answers', async () => {
  const session = start();
  session.say('ready');
  await session.clock.advance(0);
  for (let n = 1; n <= 5; n++) {
    await session.clock.advance(30_000);
    expect(session.sent).toHaveLength(n);
    session.say('beat');
    await session.clock.advance(0);
  }
  session.abort.abort();
  expect(await session.running).toBe('ended');
  expect([session.closed(), session.clock.pending]).toEqual([1, 0]);
});

it('ends as silent when an answer is missing, also while other messages arrive', async () => {
  const session = start();
  session.say('ready');
  await session.clock.advance(30_000);
  for (let n = 0; n < 10; n++) {
    session.say('chatter');
    await session.clock.advance(1_000);
  }
  expect(await session.running).toMatchObject({ name: 'Down', code: 'silent' });
  expect([session.closed(), session.clock.pending]).toEqual([1, 0]);
});

it('ends as silent when the platform does not confirm the connection in time', async () => {
  const session = start();
  session.say('chatter');
  await session.clock.advance(20_000);
  expect(await session.running).toMatchObject({ code: 'silent' });
});

it('ends as network when the platform closes or the connection breaks', async () => {
  const closing = start();
  closing.end();
  expect(await closing.running).toMatchObject({ code: 'network' });
  const breaking = start();
  const cause = new Error('reset');
  breaking.breakOff(cause);
  expect(await breaking.running).toMatchObject({ code: 'network', cause });
  expect([breaking.closed(), breaking.clock.pending]).toEqual([1, 0]);
});

it('ends as network when a heartbeat cannot be sent', async () => {
  const session = start();
  session.socket.send = () => {
    throw new NotSent('the socket is not open');
  };
  session.say('ready');
  await session.clock.advance(30_000);
  expect(await session.running).toMatchObject({ code: 'network' });
});

it('ends with what the platform said', async () => {
  const kicked = new Down('conflict', 'connected elsewhere');
  const session = start(() => Promise.reject(kicked));
  session.say('kick');
  expect(await session.running).toBe(kicked);
});

it('ends at once at an abort, also while a message is being stored', async () => {
  const session = start(() => new Promise(() => {}));
  session.say('slow');
  await session.clock.advance(0);
  session.abort.abort();
  expect(await session.running).toBe('ended');
  expect([session.closed(), session.clock.pending]).toEqual([1, 0]);
});
