/** Everything a gateway connects to, in a process of its own: the models and the chat network. */
import { type FakeTelegram, startFakeTelegram } from '../../src/platforms/telegram/fake.ts';
import { type FakeWeCom, startFakeWeCom } from '../../src/platforms/wecom/fake.ts';
import { type HeldUpstream, startHeldUpstream } from './held-upstream.ts';
import { startInstantUpstream } from './instant-upstream.ts';
import { startPacedUpstream } from './paced-upstream.ts';
import { serveJobs } from './worker.ts';

let telegram: FakeTelegram | undefined;
let wecom: FakeWeCom | undefined;
let held: HeldUpstream | undefined;

const jobs = {
  /** A model that answers each request at once with `text`. */
  async instant({ text }: { readonly text: string }) {
    return (await startInstantUpstream(text)).url;
  },
  async paced(pace: { readonly frames: number; readonly gapMs: number }) {
    return (await startPacedUpstream(pace)).url;
  },
  /** A model whose streams are silent until `speak`. */
  async held() {
    held = await startHeldUpstream();
    return held.url;
  },
  async speak() {
    await held?.speak();
  },
  async endHeld() {
    held?.end();
  },
  async telegram() {
    telegram ??= await startFakeTelegram();
    return { url: telegram.url, token: telegram.token };
  },
  async wecom() {
    wecom ??= await startFakeWeCom();
    return { url: wecom.url, botId: wecom.botId, secret: wecom.secret };
  },
  /** Chats `from` … `from + count - 1` have written to the bot, and their updates were taken long ago. */
  async knownChats({ from, count }: { readonly from: number; readonly count: number }) {
    if (telegram === undefined) throw new Error('there is no chat network yet');
    for (let id = from; id < from + count; id += 1)
      await telegram.inject.text('hello', { from: { id, first_name: 'Ann' } });
    const call = (method: string, query: string) =>
      fetch(`${telegram?.url}/bot${telegram?.token}/${method}?${query}`).then((answer) => answer.json());
    while (telegram.pending > 0) {
      const { result } = (await call('getUpdates', 'limit=100')) as { result: { update_id: number }[] };
      await call('getUpdates', `limit=1&offset=${(result.at(-1)?.update_id ?? 0) + 1}`);
    }
  },
  /** When the first message was sent, in milliseconds of the epoch. */
  async firstSent() {
    return telegram?.seen.find(({ method }) => method === 'sendMessage')?.at;
  },
  /** Every text of the bot and when it was in its chat, in milliseconds of the epoch. */
  async sentTexts() {
    const texts = telegram?.seen.map(({ params, at }) => [String(params['text']), at] as const);
    return new Map(texts ?? []);
  },
  /** Ends the chat network; the next one is new. */
  async endTelegram() {
    await telegram?.close();
    telegram = undefined;
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
