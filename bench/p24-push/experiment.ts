/** From an alarm to the message in a chat, without an agent between: the sender's word and the chat's clock. */
import type { OpenExperiment } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';

const secret = 'bench-webhook-secret-0123456789';
const firstChat = 5_000;
const chats = Array.from({ length: 100 }, (_, n) => firstChat + n);

export const open: OpenExperiment = async (lab) => {
  const telegram = await lab.far.run('telegram', undefined);
  await lab.far.run('knownChats', { from: firstChat, count: chats.length });
  const upstream = await lab.far.run('instant', { text: 'nobody asks' });
  const home = await lab.home(upstream, { webhookSecret: secret, telegram });
  await lab.gateway(home);
  return {
    subjects: ['ours'],
    async round(_subject, number, seconds) {
      const { sentAt, answered, failures } = await lab.clients.run('pushes', {
        url: `${home.webhooks}/alert`,
        secret,
        chats,
        perSecond: 20,
        seconds,
        tag: `round${number}`,
      });
      const shown = await lab.far.run('sentTexts', undefined);
      const latencies: number[] = [];
      const missing: Record<string, number> = {};
      for (const [text, began] of sentAt) {
        const at = shown.get(text);
        if (at === undefined) missing['not in the chat'] = (missing['not in the chat'] ?? 0) + 1;
        else latencies.push(Math.max(0, at - began));
      }
      const pushed = Float64Array.from(latencies);
      return {
        values: {
          p50: percentile(pushed, 0.5),
          p99: percentile(pushed, 0.99),
          told: percentile(answered, 0.99),
        },
        samples: { pushedMs: pushed, answeredMs: answered },
        failures: { ...failures, ...missing },
      };
    },
  };
};
