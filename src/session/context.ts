import type { ChatEnvelope } from '../intake/envelope.ts';

export interface ContextFacts {
  /** Title of the platform, for people: `Telegram`. */
  readonly title: string;
  readonly promptHint?: string;
  /** Titles of every connected platform. */
  readonly connected: readonly string[];
}

const kinds = { dm: 'direct chat', group: 'group', channel: 'channel' } as const;

/**
 * Where a conversation happens, for the system prompt (gateway-core §4.7). The same for every turn of a session: no
 * times, no counters, so that the model's prompt cache stays valid.
 */
export function contextPrompt({ event, shared }: ChatEnvelope, facts: ContextFacts): string {
  const place =
    event.chatName && event.scope !== 'dm' ? `${kinds[event.scope]} ${event.chatName}` : kinds[event.scope];
  return [
    '## Current Session Context',
    `**Source:** ${facts.title} (${place})`,
    shared
      ? '**Session type:** several people write here; every message starts with the name of its sender in brackets.'
      : `**User:** ${event.from.name}`,
    ...(facts.promptHint ? [`**Platform notes:** ${facts.promptHint}`] : []),
    `**Connected Platforms:** ${['local (files on this machine)', ...facts.connected.map((title) => `${title}: Connected ✓`)].join(', ')}`,
  ].join('\n');
}
