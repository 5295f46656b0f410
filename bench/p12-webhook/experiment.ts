/** Durable before acknowledged: what a sender of webhooks waits for. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:net';
import type { OpenExperiment } from '../lib/experiment.ts';
import { percentile } from '../lib/percentiles.ts';

const secret = 'bench-webhook-secret-0123456789';
const body = JSON.stringify({ action: 'opened', number: 7, text: 'x'.repeat(150) });
const signed = {
  'content-type': 'application/json',
  'x-github-event': 'push',
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
};

export const open: OpenExperiment = async (lab) => {
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  silent.unref();
  const address = silent.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port is free');
  const home = await lab.home(`http://127.0.0.1:${address.port}`, { webhookSecret: secret });
  await lab.gateway(home);
  const upstream = await lab.far.run('instant', { text: 'accepted' });
  const pass = await lab.passThrough(upstream);
  const targets = {
    ours: { url: `${home.webhooks}/task`, status: 202 },
    'pass-through': { url: `${pass.url}/v1/chat/completions`, status: 200 },
  };
  return {
    subjects: ['ours', 'pass-through'],
    async round(subject, _number, seconds) {
      const target = targets[subject === 'ours' ? 'ours' : 'pass-through'];
      const run = (connections: number) =>
        lab.clients.run('load', {
          url: target.url,
          headers: signed,
          body:
            subject === 'ours'
              ? body
              : JSON.stringify({ model: 'bench', messages: [{ role: 'user', content: body }] }),
          connections,
          seconds,
          status: target.status,
          expect: 'accepted',
        });
      const one = await run(1);
      const many = await run(64);
      return {
        values: {
          rate: many.latencies.length / many.seconds,
          p50: percentile(one.latencies, 0.5),
          p99: percentile(one.latencies, 0.99),
        },
        samples: { oneMs: one.latencies, manyMs: many.latencies },
        failures: { ...one.failures, ...many.failures },
      };
    },
  };
};
