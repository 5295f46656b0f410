import type { IncomingMessage } from 'node:http';
import { type ApiScope, apiScopes } from '../../config/auth.ts';

/**
 * Who sends a request, as far as the server knows. Everything a caller leaves behind (lanes, stored sessions, kept
 * responses, idempotency keys) belongs to its `namespace`, and nothing else of the request chooses that.
 */
export interface Caller {
  /**
   * How the caller was recognised. `open`: no credential is configured, so everybody who reaches the server is this
   * caller; `user`: a person whom a trusted proxy has signed in.
   */
  readonly kind: 'open' | 'key' | 'token' | 'password' | 'user';
  /** Keeps callers apart in everything that is stored; says nothing about the secret. Stable across restarts. */
  readonly namespace: string;
  /** Whether session ids are shared with the gateway's own conversations; all other callers have theirs apart. */
  readonly isPrimary: boolean;
  /** What it may do; the route table says what a route needs. */
  readonly scopes: ReadonlySet<ApiScope>;
  /** Speaks for the operator of the gateway; all others get no owner-only tools. */
  readonly isOwner: boolean;
}

/** Whoever reaches a server without any credential. */
export const anyone: Caller = {
  kind: 'open',
  namespace: 'open',
  isPrimary: true,
  isOwner: true,
  scopes: new Set(apiScopes),
};

/** On the request itself: a weak table beside it costs more than the whole decision. */
const known = Symbol('caller');
type Known = IncomingMessage & { [known]?: Caller };

/** Called by the gate alone, once it has decided. */
export function admit(request: IncomingMessage, caller: Caller): void {
  (request as Known)[known] = caller;
}

/** The caller of a request that the gate has let through. Throws on public routes, which have none. */
export function callerOf({ raw }: { readonly raw: IncomingMessage }): Caller {
  const caller = (raw as Known)[known];
  if (caller === undefined) throw new Error('A public route has no caller.');
  return caller;
}

/**
 * The id under which a session that `caller` names is stored. The primary callers see the gateway's sessions under
 * their own ids; what the others call theirs is stored with their namespace in front, so it can never be a session of
 * anybody else. Only for the store: clients are always answered with the id they sent.
 */
export function ownId(caller: Caller, id: string): string {
  return caller.isPrimary ? id : `${caller.namespace}.${id}`;
}
