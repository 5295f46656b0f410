/** Translates between Echonet and the gateway. Retry, pacing, splitting and order are not its business. */
import { brand, type Cursor } from '../../src/core/ids.ts';
import type { Address } from '../../src/core/inbound.ts';
import { Down, type Outcome, type Reject } from '../../src/core/outcome.ts';
import type { Adapter, Deps, Intake, Part, Platform } from '../../src/platforms/contract.ts';
import { type Poll, pollLoop } from '../../src/platforms/kit/poll.ts';
import { botId, type Config, config } from './config.ts';
import { dialect } from './dialect.ts';
import { manifest } from './manifest.ts';
import { pollSeconds, refusal, toInbound, updates, written } from './wire.ts';

/** Echonet's own error codes; everything else is `other`. */
const rejects: Readonly<Record<string, Reject>> = {
  too_long: 'too-long',
  bad_text: 'bad-format',
  no_such_chat: 'gone',
  no_such_message: 'gone',
  forbidden: 'forbidden',
  blocked: 'blocked',
  too_old: 'too-old',
};

class Echonet implements Adapter {
  readonly #deps: Deps<Config>;

  constructor(deps: Deps<Config>) {
    this.#deps = deps;
  }

  run(intake: Intake, signal: AbortSignal): Promise<void> {
    return pollLoop(intake, signal, (cursor, until) => this.#poll(cursor, until));
  }

  async deliver(part: Part, signal: AbortSignal): Promise<Outcome> {
    const request = requestOf(part);
    if (request === undefined) return { kind: 'rejected', code: 'unsupported', why: part.op.kind };
    const response = await this.#call(request.method, request.path, signal, request.body);
    const body = await response.json().catch(() => undefined);
    if (response.ok) {
      const answer = written.safeParse(body);
      if (answer.success) return { kind: 'sent', id: brand(answer.data.id) };
      return { kind: 'unknown', why: 'the answer could not be read' };
    }
    return outcomeOf(response, body);
  }

  async hint(chat: Address, hint: 'typing' | 'seen', signal: AbortSignal): Promise<void> {
    if (hint !== 'typing') return;
    const response = await this.#call('POST', '/typing', signal, { chat: chat.chat });
    await response.body?.cancel();
  }

  async #poll(cursor: Cursor | undefined, signal: AbortSignal): Promise<Poll> {
    const response = await this.#call('GET', `/updates?after=${cursor ?? 0}&wait=${pollSeconds}`, signal);
    if (!response.ok) {
      await response.body?.cancel();
      throw downOf(response);
    }
    const news = updates.parse(await response.json()).updates;
    const self = botId(this.#deps.config);
    const events = news.flatMap(({ event }) => toInbound(event, self) ?? []);
    const ignored = news.length - events.length;
    if (ignored > 0) this.#deps.log('debug', 'echonet.ignored', { events: ignored });
    const last = news.at(-1);
    return { events, cursor: last === undefined ? cursor : brand<Cursor>(String(last.seq)) };
  }

  #call(method: string, path: string, signal: AbortSignal, body?: object): Promise<Response> {
    const { base_url, token } = this.#deps.config;
    return this.#deps.fetch(`${base_url.replace(/\/$/, '')}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

function requestOf({ key, at, op }: Part): { method: string; path: string; body?: object } | undefined {
  switch (op.kind) {
    case 'send': {
      if (op.media !== undefined || op.buttons !== undefined) return undefined;
      const reply = op.replyTo === undefined ? {} : { reply_to: op.replyTo };
      return {
        method: 'POST',
        path: '/messages',
        body: { chat: at.chat, text: op.body.text, key, ...reply },
      };
    }
    case 'edit':
      return { method: 'PATCH', path: messagePath(op.target), body: { text: op.body.text } };
    case 'delete':
      return { method: 'DELETE', path: messagePath(op.target) };
    case 'react':
      return undefined;
  }
}

function messagePath(id: string): string {
  return `/messages/${encodeURIComponent(id)}`;
}

function outcomeOf(response: Response, body: unknown): Outcome {
  const parsed = refusal.safeParse(body);
  const why = `HTTP ${response.status}${parsed.success ? ` ${parsed.data.error}` : ''}`;
  if (response.status === 429)
    return { kind: 'retry', afterMs: retryMs(response) ?? 1_000, scope: 'chat', why };
  // Echonet promises that it did nothing when it answers that it is not available.
  if (response.status === 503) return { kind: 'retry', scope: 'account', why };
  if (response.status >= 500 || response.status === 408) return { kind: 'unknown', why };
  if (response.status === 401) return { kind: 'retry', scope: 'account', why };
  return { kind: 'rejected', code: (parsed.success && rejects[parsed.data.error]) || 'other', why };
}

function downOf(response: Response): Down {
  const why = `polling was answered with HTTP ${response.status}`;
  if (response.status === 401 || response.status === 403) return new Down('auth', 'the token is refused');
  if (response.status === 409) return new Down('conflict', 'another process polls with this token');
  const afterMs = retryMs(response);
  return new Down('network', why, afterMs === undefined ? {} : { afterMs });
}

function retryMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

export default {
  manifest,
  config,
  dialect,
  open: (deps: Deps<Config>) => new Echonet(deps),
} satisfies Platform<Config>;
