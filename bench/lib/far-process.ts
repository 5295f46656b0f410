/** Everything a gateway connects to, in a process of its own: the models and the chat network. */
import { type FakeTelegram, startFakeTelegram } from '../../src/platforms/telegram/fake.ts';
import { startInstantUpstream } from './instant-upstream.ts';
import { startPacedUpstream } from './paced-upstream.ts';
import { serveJobs } from './worker.ts';

let telegram: FakeTelegram | undefined;

const jobs = {
  /** A model that answers each request at once with `text`. */
  async instant({ text }: { readonly text: string }) {
    return (await startInstantUpstream(text)).url;
  },
  async paced(pace: { readonly frames: number; readonly gapMs: number }) {
    return (await startPacedUpstream(pace)).url;
  },
  async telegram() {
    telegram ??= await startFakeTelegram();
    return { url: telegram.url, token: telegram.token };
  },
  /** How often the bot has got an answer when it asked for updates. */
  async polls() {
    return telegram?.calls.filter(({ method }) => method === 'getUpdates').length ?? 0;
  },
  /** Of the bot, open now. */
  async connections() {
    return telegram?.openConnections ?? 0;
  },
};
export type FarJobs = typeof jobs;

serveJobs(jobs);
