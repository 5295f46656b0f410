/**
 * Kills the gateway again and again while people write and programs ask, then checks that everything adds up.
 * Kills come at random moments and, in turn, at every named fault point of the product.
 */
import { faultPoints } from '../../src/core/fault.ts';
import { type FakeTelegram, startFakeTelegram } from '../../src/platforms/telegram/fake.ts';
import { type FakeWeCom, startFakeWeCom } from '../../src/platforms/wecom/fake.ts';
import { freePort, GatewayProcess, type Home, makeHome } from '../gateway-process.ts';
import { type Reply, startUpstream, type UpstreamRequest } from '../upstream/index.ts';
import { type Accounts, account, type Visible } from './accounting.ts';
import { between, type Random, seeded } from './random.ts';
import { service, webhookSecret } from './services.ts';
import { chatters, programs } from './users.ts';
import { wecomChatters } from './wecom-users.ts';

export interface KillOptions {
  readonly kills: number;
  readonly seed: number;
  readonly users?: number;
  readonly programs?: number;
  /** Of the kills, how many hit a named fault point; the rest come at random. Default one in three. */
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

/** Longest time without any progress before the waiting for the end is given up. */
const quietMs = 60_000;

export async function killLoop(options: KillOptions): Promise<KillResult> {
  const random = seeded(options.seed);
  const users = Array.from({ length: options.users ?? 6 }, (_, index) => 1001 + index);
  const upstreamKey = 'upstream-key';
  const upstream = await startUpstream({ key: upstreamKey, fallback: withTools });
  const telegram = await startFakeTelegram();
  const wecom = await startFakeWeCom();
  const wecomUsers = ['anna', 'boris'];
  const hookPort = await freePort();
  const made = await makeHome({
    upstream: upstream.url,
    upstreamKey,
    telegram: { url: telegram.url, token: telegram.token, users },
    yaml: webhookRoutes(hookPort, users),
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
    const people = chatters(telegram, users, random, { pauseMs: [500, 1_500], disturb: true });
    const colleagues = wecomChatters(wecom, wecomUsers, random, { pauseMs: [2_500, 4_000] });
    const clients = programs(home, options.programs ?? 2);
    // Telegram knows a chat once somebody wrote in it.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const hooks = `http://127.0.0.1:${hookPort}/webhooks`;
    const services = [
      service(`${hooks}/relay`, 'w', users[0]!, random, [100, 500]),
      service(`${hooks}/task`, 't', users[1]!, random, [100, 500]),
    ];
    const { by, restarts } = await keepKilling(home, random, options);
    await people.stop();
    await colleagues.stop();
    const last = new GatewayProcess(home);
    restarts.push(await last.listening());
    await clients.stop();
    for (const each of services) await each.stop();
    // WeCom has no acknowledgements: what was on its way when the process ended comes only if it is pushed again.
    await expectConnected(wecom);
    wecom.redeliver();
    await quiet(home, telegram);
    await last.kill('SIGTERM');
    const accounts = account(home.path, {
      visible: [
        ...telegramShows(telegram),
        ...wecom.seen.map(({ chat, text }) => ({ chat, text: text ?? '' })),
      ],
      chats: [...people.sent, ...colleagues.sent],
      pushed: services.flatMap((each) => each.taken),
      programs: clients,
    });
    return { seed: options.seed, kills: options.kills, by, restarts, accounts };
  } finally {
    await telegram.close();
    await wecom.close();
    await upstream.close();
    home.remove();
  }
}

/** The dialect's escapes are not seen by people. */
function telegramShows(telegram: FakeTelegram): Visible[] {
  return telegram.seen
    .filter(({ method }) => method === 'sendMessage')
    .map(({ params }) => ({
      chat: String(params['chat_id']),
      text: String(params['text']).replaceAll('\\', ''),
    }));
}

async function expectConnected(wecom: FakeWeCom): Promise<void> {
  const end = performance.now() + quietMs;
  while (wecom.connections === 0 || wecom.unacknowledged > 0) {
    if (performance.now() > end) throw new Error('WeCom was not connected again');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One route that sends its text on, one that gives the agent work; both answer in a chat of Telegram. */
function webhookRoutes(port: number, users: readonly number[]): string {
  const to = (user: number | undefined) => ({
    deliver: 'telegram',
    deliver_extra: { chat_id: String(user) },
  });
  const routes = {
    relay: { prompt: 'Alert {word}', deliver_only: true, ...to(users[0]) },
    task: { prompt: 'Task {word}', ...to(users[1]) },
  };
  const extra = { host: '127.0.0.1', port, secret: webhookSecret, rate_limit: 100_000, routes };
  return `webhook: ${JSON.stringify({ enabled: true, extra })}`;
}

/** Every fourth message of a chat first runs a command that leaves a line behind: the line must not appear twice. */
function withTools({ body, lastUserText }: UpstreamRequest): Reply {
  const messages = body['messages'] as readonly { readonly role: string }[];
  const task = /\bt\d+-\d+\b/.exec(lastUserText);
  if (task !== null) return { text: `did ${task[0]}` };
  const word = /^u\d+-(\d+)$/.exec(lastUserText);
  if (word === null || Number(word[1]) % 4 !== 0 || messages.at(-1)?.role === 'tool')
    return { text: `echo: ${lastUserText}` };
  return {
    toolCalls: [{ name: 'terminal', arguments: { command: `echo ${lastUserText} >> "$HOME/ran.txt"` } }],
  };
}

async function keepKilling(home: Home, random: Random, options: KillOptions) {
  const by: Record<string, number> = {};
  const restarts: number[] = [];
  const every = options.directedEvery ?? 3;
  for (let kill = 0; kill < options.kills; kill += 1) {
    const point = kill % every === 0 ? faultPoints[(kill / every) % faultPoints.length] : undefined;
    const gateway = new GatewayProcess(home, point ? `${point}@${1 + Math.floor(random() * 4)}` : undefined);
    restarts.push(await gateway.listening().catch((error: unknown) => died(gateway, error)));
    const limit = new Promise((resolve) => setTimeout(resolve, point ? 4_000 : between(random, 20, 800)));
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

/** Waits until nothing is unanswered or undelivered, twice in a row; platforms' limits make a backlog slow, not endless. */
async function quiet(home: Home, telegram: FakeTelegram): Promise<void> {
  let end = performance.now() + quietMs;
  let calm = 0;
  let least = Number.POSITIVE_INFINITY;
  while (calm < 2 && performance.now() < end) {
    const response = await fetch(`${home.apiUrl}/health/detailed`, {
      headers: { authorization: `Bearer ${home.apiKey}` },
    });
    const body = (await response.json()) as {
      readiness: { checks: { background_queues: { unanswered: number; undelivered: number } } };
    };
    const { unanswered, undelivered } = body.readiness.checks.background_queues;
    const left = unanswered + undelivered + telegram.pending;
    calm = left === 0 ? calm + 1 : 0;
    if (left < least) end = performance.now() + quietMs;
    least = Math.min(least, left);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}
