import { describe, expect, test } from 'vitest';
import { hello, listenFake } from './testing/open.ts';

describe('a reader that reads', () => {
  test('gets one write that is larger than what it may leave unread', async () => {
    const long = 'x'.repeat(6_000_000);
    const arrived = Promise.withResolvers<void>();
    await using server = await listenFake({
      limits: { maxBufferedBytes: 1_000 },
      script: async (turn) => {
        turn.say(long);
        await arrived.promise;
        turn.end({ text: long });
      },
    });
    const answer = await server.post({ ...hello, stream: true });
    const decoder = new TextDecoder();
    let text = '';
    for await (const bytes of answer.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length > long.length) arrived.resolve();
    }
    expect(text.match(/x{100,}/g)?.join('')).toBe(long);
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(server.logs.filter(({ event }) => event === 'api.slow_reader')).toEqual([]);
  });

  test('gets what follows such a write at once, before anybody could have read it', async () => {
    const long = 'x'.repeat(6_000_000);
    await using server = await listenFake({
      limits: { maxBufferedBytes: 10_000 },
      script: (turn) => {
        turn.say(long);
        turn.say('and more');
        turn.end({ text: `${long}and more` });
      },
    });
    const answer = await server.post({ ...hello, stream: true });
    expect(await answer.text()).toMatch(/and more.*data: \[DONE\]\n\n$/s);
  });
});
