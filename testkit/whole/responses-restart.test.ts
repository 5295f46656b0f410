import { describe, expect, it } from 'vitest';
import { serve } from './served.ts';

const served = serve({ env: { HERMES_RESTART_DRAIN_TIMEOUT: '0' } });
const { seen } = served;

describe('a gateway that is stopped gently', () => {
  it('leaves a response in the background to its next start, where it goes on or can be cancelled', async () => {
    const endless = { fault: { kind: 'hang-mid-stream' as const, after: 4 }, text: 'one two three four' };
    served.upstream.script(endless, endless, { text: 'resumed' }, endless);
    const first = await served.client.responses.create({ input: 'goes on', background: true });
    await expect.poll(() => seen().length).toBe(1);
    const second = await served.client.responses.create({ input: 'is cancelled', background: true });
    await expect.poll(() => seen().length).toBe(2);
    await served.restart('SIGTERM');
    await expect
      .poll(async () => {
        const both = await Promise.all([first, second].map(({ id }) => served.client.responses.retrieve(id)));
        return both.map(({ status }) => status).toSorted();
      })
      .toEqual(['completed', 'in_progress']);
    await expect.poll(() => seen().length).toBe(4);
    const both = await Promise.all([first, second].map(({ id }) => served.client.responses.retrieve(id)));
    const running = both.find(({ status }) => status === 'in_progress')!;
    const cancelled = await served.client.responses.cancel(running.id);
    expect(cancelled.status).toBe('cancelled');
    expect(await served.client.responses.cancel(running.id)).toEqual(cancelled);
    expect((await served.client.responses.retrieve(running.id)).status).toBe('cancelled');
  }, 60_000);
});
