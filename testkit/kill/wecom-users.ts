/** People in WeCom. The server repeats what it pushed and cuts its connections, as networks do. */
import type { FakeWeCom } from '../../src/platforms/wecom/fake.ts';
import { pause } from './clients.ts';
import { between, type Random } from './random.ts';
import type { Chatter, Sent } from './users.ts';

export function wecomChatters(
  fake: FakeWeCom,
  users: readonly string[],
  random: Random,
  options: { readonly pauseMs: readonly [number, number] },
): Chatter {
  const sent: Sent[] = [];
  const stopped = new AbortController();
  const one = async (user: string, number: number) => {
    for (let index = 0; !stopped.signal.aborted; index += 1) {
      const text = `c${number}-${index}`;
      fake.push({
        msgid: `MSG_${text}`,
        aibotid: fake.botId,
        chattype: 'single',
        from: { userid: user },
        create_time: Math.floor(Date.now() / 1000),
        msgtype: 'text',
        text: { content: text },
      });
      sent.push({ who: user, text });
      if (random() < 0.1) fake.redeliver();
      if (random() < 0.1) await storm(fake, random);
      await pause(between(random, ...options.pauseMs), stopped.signal);
    }
  };
  const running = Promise.all(users.map(one));
  return {
    sent,
    stop: async () => {
      stopped.abort();
      await running;
    },
  };
}

/** A burst of lost connections. */
async function storm(fake: FakeWeCom, random: Random): Promise<void> {
  for (let cut = 0; cut < 5; cut += 1) {
    fake.drop();
    await pause(between(random, 20, 100));
  }
}
