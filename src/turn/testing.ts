/** What the tests of turns share: a scripted agent, an engine on a real store, and what the store says of both. */
import { onTestFinished } from 'vitest';
import type { Agent, AgentRun } from '../agent/contract.ts';
import type { Settings } from '../config/settings.ts';
import type { TurnResult } from '../core/agent-event.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import {
  brand,
  type ChatId,
  type Cursor,
  type EventKey,
  type MessageId,
  type SenderId,
  type SessionKey,
} from '../core/ids.ts';
import type { Inbound } from '../core/inbound.ts';
import { type Log, silentLog } from '../core/log.ts';
import type { Batch } from '../core/manifest.ts';
import { noUsage } from '../core/message.ts';
import { type AccountRoute, accept, accountId } from '../intake/accept.ts';
import { draftParts } from '../outbox/draft.ts';
import { query } from '../store/query.ts';
import type { Store } from '../store/store.ts';
import { plainDialect } from '../text/plain.ts';
import type { TurnRequest } from './contract.ts';
import { type AllowList, type Outlet, TurnEngine } from './engine.ts';

export interface Run {
  readonly run: AgentRun;
  finish(result?: Partial<TurnResult>): void;
}

type BusyMode = 'interrupt' | 'queue' | 'steer';

const settings = (busyMode: BusyMode) =>
  ({
    access: { allowedUsers: ['7', '8'], allowAll: false },
    sessions: { groupPerUser: true, threadPerUser: false, reset: { mode: 'none', atHour: 4, idleMs: 1 } },
    display: { busyMode, busyAck: true },
    agent: { maxIterations: 90, inactivityMs: 1_800_000 },
    approvals: { timeoutMs: 300_000 },
  }) as unknown as Settings;

const routeOf = (identity: string, batch?: Batch): AccountRoute => ({
  account: accountId('telegram', identity),
  manifest: { name: 'telegram' },
  batch,
  block: { access: { allowedUsers: [], allowAll: false, groupAllowedUsers: [], groupAllowedChats: [] } },
});

let sequence = 0;

/** A message of the allowed user 7 in their direct chat. */
export function message(text: string, more: Partial<Inbound> = {}): Inbound {
  sequence += 1;
  return {
    key: brand<EventKey>(`e${sequence}`),
    at: { chat: brand<ChatId>('7') },
    kind: 'message',
    scope: 'dm',
    from: { id: brand<SenderId>('7'), name: 'Ann', isBot: false, isSelf: false },
    message: brand<MessageId>(`m${sequence}`),
    text,
    raw: '{}',
    ...more,
  };
}

/** A request of a program that is there to hear the answer, in a conversation of its own. */
export function request(key: string, more: Partial<TurnRequest> = {}): TurnRequest {
  return {
    source: 'api_server',
    key,
    sessionKey: brand<SessionKey>(`api:${key}`),
    sessionId: `api-${key}`,
    input: 'hello',
    history: [],
    consumer: 'live',
    ...more,
  };
}

/** An agent whose turns end when the test says so, or when they are told to stop. */
export function scriptedAgent() {
  const runs: Run[] = [];
  const agent: Agent = {
    model: { name: 'm', provider: 'p', isDemo: false },
    close: async () => {},
    run: (run) =>
      new Promise((resolve) => {
        const result = (more: Partial<TurnResult>): TurnResult => ({
          status: 'completed',
          text: 'answer',
          messages: [
            { role: 'user', content: run.input },
            { role: 'assistant', content: more.text ?? 'answer' },
          ],
          usage: noUsage,
          model: 'm',
          provider: 'p',
          modelCalls: 1,
          exit: 'text_response',
          ...more,
        });
        const stop = () =>
          resolve(
            result({ status: 'interrupted', text: '', messages: [{ role: 'user', content: run.input }] }),
          );
        if (run.signal.aborted) stop();
        run.signal.addEventListener('abort', stop);
        runs.push({ run, finish: (more = {}) => resolve(result(more)) });
      }),
  };
  return { agent, runs };
}

export interface EngineOptions {
  readonly busyMode?: BusyMode;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly outlet?: Partial<Outlet>;
  readonly allowList?: AllowList;
  /** See `EngineDeps.widestFor`. */
  readonly widest?: readonly string[];
  /** Quiet window of the account; default none. */
  readonly batch?: Batch;
}

/** The way in of one account, with nothing behind it unless `wake` is somebody. */
export function intakeOn(
  store: Store,
  options: Pick<EngineOptions, 'busyMode' | 'clock' | 'log' | 'batch'> & {
    readonly identity?: string;
    readonly wake?: TurnEngine['wake'];
  } = {},
) {
  const { busyMode = 'interrupt', clock = systemClock, log = silentLog, wake = () => {} } = options;
  const deps = { store, clock, log, settings: settings(busyMode), wake };
  const route = routeOf(options.identity ?? '1', options.batch);
  return (events: readonly Inbound[], cursor?: Cursor) => accept(deps, route, events, cursor);
}

/** An engine, its way in, and the chats it woke. It is drained when the test ends. */
export function engineOn(store: Store, options: EngineOptions = {}) {
  const { busyMode = 'interrupt', clock = systemClock, log = silentLog } = options;
  const { agent, runs } = scriptedAgent();
  const woken: string[] = [];
  const engine = new TurnEngine({
    store,
    clock,
    log,
    settings: settings(busyMode),
    agent,
    outlet: {
      draft: (markdown, to, kind, prefix) =>
        draftParts(
          markdown,
          {
            account: to.account,
            at: to.at,
            dialect: plainDialect,
            text: { max: 100, unit: 'utf16', counts: 'source' },
            replyToMode: 'off',
          },
          kind,
          prefix,
        ),
      wake: (_, chat) => woken.push(chat),
      typing: () => () => {},
      resolve: ({ platform, chat = 'home' }) => ({
        account: `${platform}:1`,
        at: { chat: brand<ChatId>(chat) },
      }),
      ...options.outlet,
    },
    toolsFor: () => new Set(['todo', 'terminal']),
    ...(options.widest === undefined ? {} : { widestFor: () => new Set(options.widest) }),
    contextFor: () => undefined,
    ...(options.allowList && { allowList: options.allowList }),
  });
  onTestFinished(() => engine.drain(0));
  const wake = engine.wake.bind(engine);
  const intake = intakeOn(store, { ...options, wake });
  const send = (...events: Inbound[]) => intake(events);
  const sendTo = (identity: string, ...events: Inbound[]) =>
    intakeOn(store, { ...options, identity, wake })(events);
  return { engine, send, sendTo, runs, woken };
}

const inbounds = query((db, _: Record<never, never>) =>
  db.selectFrom('inbound').select(['state', 'reason']).orderBy('id'),
);
const parts = query((db, p: { class: 'reply' | 'notice' }) =>
  db.selectFrom('part').select('op').where('class', '=', p.class).orderBy('id'),
);

/** What became of every event, in the order they came: `answered`, or `declined: stopped` where there is a reason. */
export async function endings(store: Store): Promise<readonly string[]> {
  const rows = await store.read.all(inbounds, {});
  return rows.map(({ state, reason }) => (reason ? `${state}: ${reason}` : state));
}

export function allEnded(store: Store): Promise<boolean> {
  return until(async () => (await endings(store)).every((end) => !/^(pending|claimed)/.test(end)));
}

/** What the parts of a class say to the chats, in order. */
export async function textsOf(store: Store, kind: 'reply' | 'notice'): Promise<readonly string[]> {
  const rows = await store.read.all(parts, { class: kind });
  return rows.map(({ op }) => JSON.parse(op).body.text as string);
}

export async function until<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  throw new Error('it did not happen within 3 s');
}
