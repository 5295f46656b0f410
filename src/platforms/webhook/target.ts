/** Where the result of an event goes (webhooks §6, gateway-core §12). */
import type { DeliveryTarget } from '../../core/inbound.ts';
import { logTargets, type Route } from './route.ts';
import { renderAll, type Values } from './template.ts';

export type Target =
  | { readonly kind: 'log' }
  | { readonly kind: 'to'; readonly target: DeliveryTarget }
  | { readonly kind: 'bad'; readonly why: string };

const repository = /^(?!-)[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/;
const positive = /^[1-9]\d{0,14}$/;

/** Chat ids of comments: `github:owner/repo#12`. Only this folder builds and reads them. */
const comment = 'github:';

export function targetOf(route: Pick<Route, 'deliver' | 'deliverExtra'>, values: Values): Target {
  const { deliver } = route;
  if (logTargets.has(deliver)) return { kind: 'log' };
  const extra = renderAll(route.deliverExtra, values);
  if (deliver === 'github_comment')
    return githubTarget(text(extra.get('repo')), text(extra.get('pr_number')));
  const written = /^([a-z][a-z0-9_]*)(?::(.+))?$/.exec(deliver);
  if (written === null) return { kind: 'bad', why: `Unknown deliver type: ${deliver}` };
  const [, platform = '', place] = written;
  const chat = text(extra.get('chat_id')) ?? placeOf(place).chat;
  const thread =
    text(extra.get('message_thread_id')) ?? text(extra.get('thread_id')) ?? placeOf(place).thread;
  return {
    kind: 'to',
    target: {
      platform,
      ...(chat === undefined ? {} : { chat }),
      ...(thread === undefined ? {} : { thread }),
    },
  };
}

/** `<chat>:<thread>` only where both are numbers: chat ids of other networks contain colons themselves. */
function placeOf(place: string | undefined): { readonly chat?: string; readonly thread?: string } {
  if (place === undefined) return {};
  const both = /^(-?\d+):(\d+)$/.exec(place);
  return both === null ? { chat: place } : { chat: both[1]!, thread: both[2]! };
}

function githubTarget(repo: string | undefined, number: string | undefined): Target {
  if (repo === undefined || number === undefined) return { kind: 'bad', why: 'Missing repo or pr_number' };
  if (!positive.test(number)) return { kind: 'bad', why: 'Invalid pr_number' };
  if (!repository.test(repo)) return { kind: 'bad', why: 'Invalid repo format' };
  return { kind: 'to', target: { platform: 'webhook', chat: `${comment}${repo}#${number}` } };
}

export interface Issue {
  readonly repo: string;
  readonly number: string;
}

/** Undefined for a chat that is no issue or pull request; checked again, because it comes back from storage. */
export function issueOf(chat: string): Issue | undefined {
  if (!chat.startsWith(comment)) return undefined;
  const [repo = '', number = '', ...more] = chat.slice(comment.length).split('#');
  return more.length === 0 && repository.test(repo) && positive.test(number) ? { repo, number } : undefined;
}

function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
