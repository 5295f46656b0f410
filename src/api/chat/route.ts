import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ModelChoice } from '../../agent/contract.ts';
import type { AgentEvent, TurnResult } from '../../core/agent-event.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Message } from '../../core/message.ts';
import type { TurnRequest } from '../../turn/contract.ts';
import { callerOf, ownId } from '../auth/caller.ts';
import { parseObject } from '../body.ts';
import { badRequest } from '../errors.ts';
import { toHeader, utf8Header } from '../headers.ts';
import { fingerprintOf, type Idempotency, type IdempotencyScope } from '../idempotency.ts';
import { goneSignal } from '../media/gone.ts';
import type { EndpointMedia } from '../media/load.ts';
import type { Shown } from '../media/shown.ts';
import { readAgentChat } from '../openclaw/chat.ts';
import { failureOf, nothingSaid } from '../openclaw/failure.ts';
import { firstSign } from '../openclaw/first-sign.ts';
import { freshKey as freshSession, userKey, uuid } from '../openclaw/session-key.ts';
import { modelOf, type Target, type TargetDeps, targetOf } from '../openclaw/target.ts';
import type { Route } from '../routes.ts';
import type { Run, Runs } from '../runs.ts';
import { clientChatId, derivedSessionId, laneOf, readSessionHeaders } from '../session.ts';
import { openSse, type SseLimits } from '../sse.ts';
import { chunkEncoder } from './chunks.ts';
import { type ChatIdentity, encodeCompletion } from './completion.ts';
import { type HiddenSteps, hiddenSteps } from './hidden-steps.ts';
import type { Conversation } from './messages.ts';
import { type ChatTurn, readChatRequest } from './request.ts';
import { chatChunk, chatCompletion, chatRequest } from './schema.ts';

const path = '/v1/chat/completions';
/** Account of these turns in the store, and the tag of their sessions. */
const source = 'api_server';

const fingerprintFields = [
  'model',
  'provider',
  'model_options',
  'messages',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'functions',
  'function_call',
  'response_format',
  'stream',
];

export interface ChatDeps extends TargetDeps {
  readonly runs: Runs;
  readonly idempotency: Idempotency;
  readonly defaultModel: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: SseLimits;
  readonly media: EndpointMedia;
}

/** Everything about one request that does not depend on how it is answered. */
interface Prepared {
  readonly target: Target;
  readonly chat: ChatTurn;
  readonly identity: ChatIdentity;
  readonly headers: Record<string, string>;
  readonly scope: IdempotencyScope | undefined;
  readonly choice: ModelChoice | undefined;
  turn(key: string, shown: Shown): TurnRequest;
  /** Downloads and reads what the messages bring. */
  show(signal: AbortSignal): Promise<Shown>;
  /** The recorded end of the turn, before anybody is answered. */
  ended(result: TurnResult): void;
}

interface Context extends ChatDeps {
  readonly steps: HiddenSteps;
}

/** `POST /v1/chat/completions` (api-server §6). */
export function chatRoute(options: ChatDeps): Route {
  const deps: Context = { ...options, steps: hiddenSteps(options.clock) };
  return {
    method: 'POST',
    path,
    scope: 'chat',
    maxBodyBytes: options.media.maxBodyBytes,
    name: 'chat_completions',
    doc: {
      id: 'createChatCompletion',
      summary: 'Ask the agent; the answer comes as JSON or, with `stream`, as server-sent events.',
      body: chatRequest,
      answer: chatCompletion,
      events: chatChunk,
      errors: [400, 413, 429, 502],
    },
    async handle(request, reply) {
      const key = utf8Header(request.headers['idempotency-key'])?.trim();
      // A repeated request takes no slot, and only its body tells; all others are refused before it is parsed.
      if (key === undefined || key === '') deps.runs.refuseIfFull();
      const prepared = prepare(deps, request, key);
      return prepared.chat.fields.stream
        ? await answerStream(deps, prepared, request, reply)
        : await answerJson(deps, prepared, request, reply);
    },
  };
}

function prepare(deps: Context, request: FastifyRequest, idempotencyKey: string | undefined): Prepared {
  const { api, clock, steps } = deps;
  const caller = callerOf(request);
  const body = parseObject(request.body);
  const target = targetOf(deps, caller, request.headers, body.model);
  const known = target.isNamed
    ? (target.sessionKey ?? userKey(target.agent.id, 'openai', body.user))
    : undefined;
  const chat = target.isNamed ? readAgentChat(body, known !== undefined) : readChatRequest(body);
  const { fields, conversation } = chat;
  const { sessionId: named, memoryScope } = readSessionHeaders(request.headers, caller);
  /** A stored session that goes on. */
  const continued = target.isNamed ? known : named;
  const choice = modelOf(deps, target, caller, request.headers, fields);
  const tools = chat.tools ?? target.tools;
  const sessionId =
    continued ??
    (target.isNamed
      ? freshSession(target.agent.id, 'openai', clock.hex)
      : derivedSessionId({ ...conversation, chat: clientChatId(request.headers, fields.metadata) }));
  const owner = JSON.stringify([caller.namespace, sessionId, conversation.system]);
  const past =
    continued === undefined
      ? given(conversation, (history) => steps.restore(owner, history))
      : stored(conversation);
  const sent = fields.model?.trim() ?? '';
  return {
    target,
    chat,
    choice,
    identity: {
      id: target.isNamed ? `chatcmpl_${uuid(clock.hex)}` : `chatcmpl-${clock.hex(15).slice(0, 29)}`,
      created: Math.floor(clock.now() / 1000),
      model: sent === '' ? (target.isNamed ? 'openclaw' : api.modelName) : sent,
    },
    headers: {
      'X-Hermes-Session-Id': toHeader(sessionId),
      ...(memoryScope === undefined ? {} : { 'X-Hermes-Session-Key': toHeader(memoryScope) }),
      ...(chat.ignored.length === 0 ? {} : { 'X-Hermes-Ignored': chat.ignored.join(', ') }),
    },
    scope:
      idempotencyKey === undefined || idempotencyKey === ''
        ? undefined
        : {
            credential: caller.namespace,
            endpoint: path,
            key: idempotencyKey,
            fingerprint: fingerprintOf(body, fingerprintFields, whose(target, continued, sessionId)),
          },
    show: (signal) =>
      deps.media.load(
        {
          brought: conversation.brought,
          messages: asSent(conversation),
          isOpenClaw: target.isNamed,
          request: request.id,
        },
        signal,
      ),
    turn: (key, shown) => ({
      source,
      key,
      sessionKey: laneOf(continued, caller, request.id),
      sessionId: ownId(caller, sessionId),
      ...shownPast(past, shown),
      ...(shown.unstored === undefined ? {} : { unstored: shown.unstored }),
      ...(conversation.system === '' ? {} : { ephemeralSystem: conversation.system }),
      ...(memoryScope === undefined ? {} : { memoryScope: ownId(caller, memoryScope) }),
      ...(choice === undefined ? {} : { model: choice }),
      ...(chat.sampling === undefined ? {} : { sampling: chat.sampling }),
      ...(target.persona === undefined ? {} : { persona: target.persona }),
      ...(tools === undefined ? {} : { tools }),
      ...(chat.clientTools === undefined ? {} : { clientTools: chat.clientTools }),
      ...(chat.toolChoice === undefined ? {} : { toolChoice: chat.toolChoice }),
      ...(chat.responseFormat === undefined ? {} : { responseFormat: chat.responseFormat }),
      consumer: 'live',
    }),
    ended(result) {
      if (continued === undefined && !target.isNamed) steps.keep(owner, asSent(conversation), result);
    },
  };
}

/**
 * What of a request beside its body decides about the answer. A session that is made for one request does not tell
 * requests apart.
 */
function whose({ agent, isNamed, isOwner }: Target, continued: string | undefined, session: string): string {
  const place = isNamed ? (continued ?? agent.id) : session;
  return isOwner ? place : `${place} guest`;
}

function asSent({ history, input, results }: Conversation): readonly Message[] {
  return results.length > 0 ? history : [...history, { role: 'user', content: input }];
}

async function start(deps: Context, prepared: Prepared, key: string, signal: AbortSignal): Promise<Run> {
  const shown = await prepared.show(signal);
  const run = await deps.runs.start(prepared.turn(key, shown));
  void run.handle.result.then((result) => prepared.ended(result));
  return run;
}

type Past = Pick<TurnRequest, 'input' | 'history' | 'historyIfEmpty' | 'results'>;

function shownPast({ input, history, historyIfEmpty, ...rest }: Past, shown: Shown): Past {
  return {
    ...rest,
    input: shown.content(input),
    history: history === 'stored' ? history : shown.messages(history),
    ...(historyIfEmpty === undefined ? {} : { historyIfEmpty: shown.messages(historyIfEmpty) }),
  };
}

function given(
  { input, history, stray }: Conversation,
  restore: (history: readonly Message[]) => readonly Message[],
): Past {
  if (stray === undefined) return { input, history: restore(history) };
  const why =
    "A tool message must answer one of the 'tool_calls' of the assistant message before it; send that message, too.";
  throw badRequest(why, { param: stray });
}

/** A stored session has the calls, the request has the results: at its end, or right before what is said now. */
function stored({ input, history, results }: Conversation): Past {
  const isContinued = results.length > 0;
  const before = isContinued ? history.slice(0, -results.length) : history;
  const brought = isContinued ? results : before.slice(before.findLastIndex(isNoResult) + 1).filter(isResult);
  return {
    input,
    history: 'stored',
    historyIfEmpty: before,
    ...(brought.length === 0 ? {} : { results: brought }),
  };
}

const isResult = (message: Message) => message.role === 'tool';
const isNoResult = (message: Message) => message.role !== 'tool';

/** A shared run belongs to no single caller. */
const forever = new AbortController().signal;

const freshKey = (request: FastifyRequest) => `req:${request.id}`;

async function answerJson(
  deps: Context,
  prepared: Prepared,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  let result: TurnResult;
  const warnings: string[] = [];
  if (prepared.scope === undefined) {
    const run = await start(deps, prepared, freshKey(request), goneSignal(reply.raw));
    run.handle.watch(noteWarnings(warnings));
    leaveOnClose(reply, run);
    result = await run.handle.result;
  } else {
    // Not tied to this caller: the point of the key is that a second call gets the first one's answer.
    const shared = deps.idempotency.join(prepared.scope, async (key) => {
      const run = await start(deps, prepared, key, forever);
      run.handle.watch(noteWarnings(warnings));
      return run.handle.result;
    });
    if (shared.replayed) reply.header('Idempotency-Replayed', 'true');
    result = await shared.result;
  }
  reply.headers({ ...prepared.headers, 'X-Hermes-Model': toHeader(result.model) });
  if (prepared.target.isNamed && isFruitless(result)) throw failureOf(result);
  const { body, headers } = encodeCompletion(result, prepared.identity, {
    reasoning: deps.api.showReasoning,
    legacy: prepared.chat.legacy,
    warnings,
    ...(prepared.target.isNamed ? { nothing: nothingSaid } : {}),
  });
  return reply.headers(headers).send(body);
}

const isFruitless = ({ status, text }: TurnResult) => status !== 'completed' && text === '';

const noteWarnings = (warnings: string[]) => (event: AgentEvent) => {
  if (event.type === 'status' && event.kind === 'warning') warnings.push(event.text);
};

function leaveOnClose(reply: FastifyReply, run: Run): void {
  const response = reply.raw;
  const leave = () => {
    if (!response.writableFinished) run.leave('HTTP client disconnected');
  };
  if (response.destroyed) leave();
  else response.once('close', leave);
}

async function answerStream(
  deps: Context,
  prepared: Prepared,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { api, log } = deps;
  const { scope } = prepared;
  const key = scope === undefined ? freshKey(request) : deps.idempotency.turnKey(scope);
  const run = await start(deps, prepared, key, goneSignal(reply.raw));
  if (prepared.target.isNamed) {
    leaveOnClose(reply, run);
    const end = await firstSign(run.handle, deps.limits.keepAliveMs, deps.clock);
    if (end !== undefined && isFruitless(end)) throw failureOf(end);
  }
  let unwatch = () => {};
  const sse = openSse(reply, {
    headers: { ...prepared.headers, 'X-Hermes-Model': toHeader(prepared.choice?.model ?? deps.defaultModel) },
    clock: deps.clock,
    limits: deps.limits,
    onGone(why) {
      unwatch();
      if (why === 'too slow')
        log('warn', 'api.slow_reader', { request: request.id, trace: run.handle.trace });
      run.leave('SSE client disconnected');
    },
  });
  const encoder = chunkEncoder(prepared.identity, {
    includeUsage: prepared.chat.fields.stream_options?.include_usage ?? false,
    toolProgress: api.toolProgressEvents && !prepared.target.isNamed,
    reasoning: api.showReasoning,
    legacy: prepared.chat.legacy,
    ...(prepared.target.isNamed ? { nothing: nothingSaid } : {}),
  });
  /** A fault of ours ends the stream in the documented way and the turn with it. */
  const guarded = (encode: () => string): boolean => {
    try {
      const frames = encode();
      if (frames !== '') sse.write(frames);
      return true;
    } catch (error) {
      log('error', 'api.stream_writer', { request: request.id, error: String(error) });
      unwatch();
      sse.write(encoder.crash());
      sse.end();
      run.leave('SSE writer failed');
      return false;
    }
  };
  guarded(() => encoder.open());
  unwatch = run.handle.watch((event) => guarded(() => encoder.event(event)));
  // The finish chunk promises a recorded answer, so it waits for the record and not for the last event.
  void run.handle.result.then((result) => {
    if (guarded(() => encoder.finish(result))) sse.end();
    unwatch();
  });
  return reply;
}
