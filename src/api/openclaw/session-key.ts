/** Keys of the sessions that callers of agents have (openclaw-http §6). The store keeps them apart by caller. */
import type { AgentsSettings } from '../../config/settings.ts';
import { badRequest } from '../errors.ts';

const withAgent = /^agent:([a-z0-9][a-z0-9_-]{0,63}):(.+)$/is;
const reserved = /^(?:subagent|cron|acp):/i;
const longest = 256;
const control = /[\u0000-\u001f\u007f]/;

/** The agent that a complete key begins with. */
export function agentOfKey(key: string): string | undefined {
  return withAgent.exec(key)?.[1]?.toLowerCase();
}

/**
 * A key as a request names it, complete: one without an agent belongs to the chosen one. Undefined without a key;
 * throws 400 for what nobody may name.
 */
export function readSessionKey(
  written: string | undefined,
  agent: string,
  main: AgentsSettings['mainKey'],
): string | undefined {
  if (written === undefined) return undefined;
  const [, ofKey, rest] = withAgent.exec(written) ?? [];
  if (reserved.test(written) || reserved.test(rest ?? '')) {
    throw badRequest('`x-openclaw-session-key` cannot use reserved internal session namespaces.');
  }
  if (written.length > longest || control.test(written)) {
    throw badRequest(`\`x-openclaw-session-key\` must be at most ${longest} characters on one line.`);
  }
  if (main.scope === 'global' && written === 'global') return written;
  return ofKey === undefined || rest === undefined
    ? `agent:${agent}:${written.toLowerCase()}`
    : `agent:${ofKey.toLowerCase()}:${rest}`;
}

/** Where callers are who speak for a person of theirs. */
export function userKey(
  agent: string,
  endpoint: 'openai' | 'openresponses',
  user: unknown,
): string | undefined {
  const name = typeof user === 'string' ? user.trim().toLowerCase() : '';
  if (name === '') return undefined;
  if (name.length > longest || control.test(name)) {
    throw badRequest(`'user' must be at most ${longest} characters on one line.`, { param: 'user' });
  }
  return `agent:${agent}:${endpoint}-user:${name}`;
}

/** A session that only one request has. `hex` gives random hexadecimal digits for a number of bytes. */
export function freshKey(
  agent: string,
  endpoint: 'openai' | 'openresponses',
  hex: (bytes: number) => string,
): string {
  return `agent:${agent}:${endpoint}:${uuid(hex)}`;
}

/** A random UUID (version 4). */
export function uuid(hex: (bytes: number) => string): string {
  const digits = hex(16);
  const variant = ((Number.parseInt(digits.slice(16, 17), 16) & 3) | 8).toString(16);
  const parts = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ];
  return parts.join('-');
}

/** The session that is meant where none is named (openclaw-http §13). */
export function mainSessionKey(agent: string, main: AgentsSettings['mainKey']): string {
  return main.scope === 'global' ? 'global' : `agent:${agent}:${main.name}`;
}
