/**
 * Kills the gateway again and again while people write and programs ask, then checks that everything adds up.
 * Kills come at random moments and, in turn, at every named fault point of the product.
 */
import { faultPoints } from '../../src/core/fault.ts';
import { type FakeTelegram, startFakeTelegram } from '../../src/platforms/telegram/fake.ts';
import { type FakeWeCom, startFakeWeCom } from '../../src/platforms/wecom/fake.ts';
import { freePort, GatewayProcess, type Home, makeHome } from '../gateway-process.ts';
import { startUpstream } from '../upstream/index.ts';
import { type Accounts, account, type Visible } from './accounting.ts';
import { clients, pause } from './clients.ts';
import type { HttpWorld } from './http-accounting.ts';
import { ending, type Network, quiet } from './progress.ts';
import { replyTo } from './questions.ts';
import { between, type Random, seeded } from './random.ts';
import { pollForEnd, streamUntilDone } from './responders.ts';
import { startAndFollow } from './runners.ts';
import { service, webhookRoutes } from './services.ts';
import { chatters, programs, type Sent } from './users.ts';
import { wecomChatters } from './wecom-users.ts';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  /** People in Telegram. Many who write seldom: a network takes about one message a second per chat. */
  readonly users?: number;
  /** Programs of each kind; default 2. */
  readonly programs?: number;
  /** Every so manyth kill hits a named fault point, the others come at random; default 3. */
  readonly directedEvery?: number;
  say?(line: string): void;
}

export interface KillResult {
  readonly seed: number;
  readonly kills: number;
  /** How often each way to die really happened. */
  readonly by: Readonly<Record<string, number>>;
  /** Milliseconds from spawn to listening after each kill. */
  readonly restarts: readonly number[];
  readonly accounts: Accounts;
}

export async function killLoop(options: KillOptions): Promise<KillResult> {
  const random = seeded(options.seed);
  const users = Array.from({ length: options.users ?? 20 }, (_, index) => 1001 + index);
  const upstreamKey = 'upstream-key';
  const upstream = await startUpstream({ key: upstreamKey, fallback: replyTo });
  const telegram = await startFakeTelegram();
  const wecom = await startFakeWeCom();
  const wecomUsers = ['anna', 'boris', 'clara', 'david'];
  const hookPort = await freePort();
  const made = await makeHome({
    upstream: upstream.url,
    upstreamKey,
    telegram: { url: telegram.url, token: telegram.token, users },
    yaml: webhookRoutes(hookPort),
  });
  const home: Home = {
    ...made,
    env: {
      ...made.env,
      WECOM_BOT_ID: wecom.botId,
      WECOM_SECRET: wecom.secret,
      WECOM_WEBSOCKET_URL: wecom.url,
      WECOM_ALLOWED_USERS: wecomUsers.join(','),
      HERMES_WECOM_TEXT_BATCH_DELAY_SECONDS: '0',
    },
  };
  try {
    const people = chatters(telegram, users, random, { pauseMs: [3_000, 6_000], disturb: true });
    const colleagues = wecomChatters(wecom, wecomUsers, random, { pauseMs: [8_000, 14_000] });
    const asking = startPrograms(home, random, options.programs ?? 2);
    // Telegram knows a chat once somebody wrote in it.
    await pause(50);
    const hooks = `http://127.0.0.1:${hookPort}/webhooks`;
    const services = [
      service(`${hooks}/relay`, 'w', users, random, [300, 900]),
      service(`${hooks}/task`, 't', users, random, [300, 900]),
    ];
    const { by, restarts } = await keepKilling(home, random, options);
    const last = new GatewayProcess(home);
    restarts.push(await last.listening());
    const everybody = [people, colleagues, ...services, ...Object.values(asking)];
    await ending(Promise.all(everybody.map((each) => each.stop())), () => stillAsking(asking), options.say);
    // WeCom has no acknowledgements: what was on its way when the process ended comes only if it is pushed again.
    await expectConnected(wecom);
    wecom.redeliver();
    const pushed = services.flatMap((each) => each.taken);
    const networks = [
      telegramNetwork(telegram, [...people.sent, ...pushed]),
      wecomNetwork(wecom, colleagues.sent),
    ];
    await quiet(home, networks, options.say);
    await last.kill('SIGTERM');
    // A background response whose asker never heard of it gets its end when it is looked for, or at the next start.
    const after = new GatewayProcess(home);
    await after.listening();
    await after.kill('SIGTERM');
    const accounts = account(home.path, {
      visible: networks.flatMap((network) => network.visible()),
      chats: [...people.sent, ...colleagues.sent],
      pushed,
      ...asking,
    });
    return { seed: options.seed, kills: options.kills, by, restarts, accounts };
  } finally {
    await telegram.close();
    await wecom.close();
    await upstream.close();
    home.remove();
  }
}

const stillAsking = ({ programs: simple, runs, polled, streamed }: HttpWorld) =>
  Object.entries({ runs, 'background responses': polled, streams: streamed })
    .map(([name, { asked, seen, wrong }]) => `${asked.length - seen.length - wrong.length} ${name}`)
    .concat(`${simple.asked.length - simple.answered.size} other requests`)
    .join(', ');

/** Everybody who asks over HTTP. */
function startPrograms(home: Home, random: Random, count: number): HttpWorld {
  const options = { count, pauseMs: [50, 150] } as const;
  return {
    programs: programs(home, count, random),
    runs: clients(home, random, { ...options, letter: 'r' }, startAndFollow),
    polled: clients(home, random, { ...options, letter: 'b' }, pollForEnd),
    streamed: clients(home, random, { ...options, letter: 's', count: 1 }, streamUntilDone),
  };
}

interface Seen extends Network {
  visible(): readonly Visible[];
}

/** The dialect's escapes are not seen by people. */
function telegramNetwork(telegram: FakeTelegram, sent: readonly Sent[]): Seen {
  const visible = () =>
    telegram.seen
      .filter(({ method }) => method === 'sendMessage')
      .map(({ params }) => ({
        chat: String(params['chat_id']),
        text: String(params['text']).replaceAll('\\', ''),
      }));
  return {
    name: 'Telegram',
    sent,
    visible,
    shown: () => visible().map(({ text }) => text),
    get pending() {
      return telegram.pending;
    },
  };
}

function wecomNetwork(wecom: FakeWeCom, sent: readonly Sent[]): Seen {
  const visible = () => wecom.seen.map(({ chat, text }) => ({ chat, text: text ?? '' }));
  return { name: 'WeCom', sent, visible, shown: () => visible().map(({ text }) => text), pending: 0 };
}

async function expectConnected(wecom: FakeWeCom): Promise<void> {
  const end = performance.now() + 60_000;
  while (wecom.connections === 0 || wecom.unacknowledged > 0) {
    if (performance.now() > end) throw new Error('WeCom was not connected again');
    await pause(20);
  }
}

async function keepKilling(home: Home, random: Random, options: KillOptions) {
  const by: Record<string, number> = {};
  const restarts: number[] = [];
  const every = options.directedEvery ?? 3;
  for (let kill = 0; kill < options.kills; kill += 1) {
    const point = kill % every === 0 ? faultPoints[(kill / every) % faultPoints.length] : undefined;
    const gateway = new GatewayProcess(home, point ? `${point}@${1 + Math.floor(random() * 4)}` : undefined);
    restarts.push(await gateway.listening().catch((error: unknown) => died(gateway, error)));
    const limit = pause(point ? 4_000 : between(random, 20, 800));
    await Promise.race([gateway.exited, limit]);
    const name = gateway.ended ? (point ?? 'by itself') : 'at random';
    if (name === 'by itself') throw new Error(`the gateway ended by itself:\n${gateway.output}`);
    by[name] = (by[name] ?? 0) + 1;
    await gateway.kill();
    options.say?.(`kill ${kill + 1}/${options.kills} ${name}`);
  }
  return { by, restarts };
}

/** A process that died at its fault point before it listened is what was wanted. */
function died(gateway: GatewayProcess, error: unknown): number {
  if (gateway.ended) return performance.now() - gateway.startedAt;
  throw error;
}
