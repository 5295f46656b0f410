import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { brand, type SessionKey } from '../core/ids.ts';
import type { Content } from '../core/message.ts';
import type { Caller } from './auth/caller.ts';
import { ApiError, badRequest } from './errors.ts';
import { utf8Header } from './headers.ts';

const maxLength = 256;
const control = /[\u0000-\u001f\u007f]/;

interface Opener {
  readonly system: string;
  readonly firstUser: Content;
  /** Name of the profile a multiplexed route belongs to. */
  readonly profile?: string | undefined;
  /** The client's own stable id of this chat; keeps equal openers of different people apart. */
  readonly chat?: string | undefined;
}

/** Session id of a conversation that carries its own history (api-server §4.1). */
export function derivedSessionId({ system, firstUser, profile, chat }: Opener): string {
  const opener = typeof firstUser === 'string' ? firstUser : JSON.stringify(firstUser);
  const seed = [
    profile === undefined ? '' : `${profile}\0`,
    chat === undefined ? '' : `chat\0${chat}\0`,
    `${system}\n${opener}`,
  ].join('');
  return `api-${createHash('sha256').update(seed, 'utf8').digest('hex').slice(0, 16)}`;
}

export interface SessionHeaders {
  /** Continue this stored session. */
  readonly sessionId: string | undefined;
  /** Long-term memory scope. */
  readonly memoryScope: string | undefined;
}

/** Reads `X-Hermes-Session-Key` and `X-Hermes-Session-Id` in that order (api-server §4.2, §4.3). */
export function readSessionHeaders(
  headers: IncomingHttpHeaders,
  caller: Pick<Caller, 'kind'>,
): SessionHeaders {
  const memoryScope = readId(headers['x-hermes-session-key'], {
    noun: 'session key',
    forbidden: control,
    keyless:
      caller.kind === 'open'
        ? 'X-Hermes-Session-Key requires API key authentication. Configure API_SERVER_KEY to enable this feature.'
        : undefined,
  });
  const sessionId = readId(headers['x-hermes-session-id'], {
    noun: 'session ID',
    // Ids end up in file names of logs and exports.
    forbidden: /[\u0000-\u001f\u007f/\\]|\.\./,
    keyless:
      caller.kind === 'open'
        ? 'Session continuation requires API key authentication. Configure API_SERVER_KEY to enable this feature.'
        : undefined,
  });
  return { sessionId, memoryScope };
}

function readId(
  header: string | readonly string[] | undefined,
  rule: { readonly noun: string; readonly forbidden: RegExp; readonly keyless: string | undefined },
): string | undefined {
  if (header === undefined || (typeof header === 'string' && header.trim() === '')) return undefined;
  if (rule.keyless !== undefined) throw new ApiError(403, rule.keyless);
  const id = utf8Header(header)?.trim();
  if (id === undefined || rule.forbidden.test(id)) throw badRequest(`Invalid ${rule.noun}`);
  if (id.length > maxLength) {
    throw badRequest(`${rule.noun.charAt(0).toUpperCase()}${rule.noun.slice(1)} too long`);
  }
  return id;
}

/** Stable id some web frontends give to a chat; mixed into the derived id when present. */
export function clientChatId(headers: IncomingHttpHeaders, metadata: unknown): string | undefined {
  const header = utf8Header(headers['x-openwebui-chat-id'])?.trim();
  if (header !== undefined && header !== '') return header.slice(0, maxLength);
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const id = (metadata as Readonly<Record<string, unknown>>).chat_id;
  return typeof id === 'string' && id.trim() !== '' ? id.trim().slice(0, maxLength) : undefined;
}

/**
 * Which requests wait for each other. Continuations of one stored session are serial per caller; requests with a
 * derived id bring their own history, may belong to different clients, and never wait for one another.
 */
export function laneOf(
  sessionId: string | undefined,
  { namespace }: Pick<Caller, 'namespace'>,
  requestId: string,
): SessionKey {
  return brand<SessionKey>(sessionId === undefined ? `api:${requestId}` : `api:${namespace}:${sessionId}`);
}
