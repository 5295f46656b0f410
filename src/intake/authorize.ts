import type { PlatformBlock, Settings } from '../config/settings.ts';
import type { Inbound } from '../core/inbound.ts';

/**
 * Who may talk to the agent (gateway-core §5.1). Default deny. Only stable ids count; a display name never does.
 * Pure: the answer depends on the event and the lists alone. `comparable` is the platform's form of ids.
 */
export function isAuthorized(
  event: Pick<Inbound, 'at' | 'scope' | 'from'>,
  lists: PlatformBlock['access'],
  everywhere: Settings['access'],
  comparable: (id: string) => string = (id) => id,
): boolean {
  const inGroup = event.scope !== 'dm';
  const groupChats = new Set(lists.groupAllowedChats.map(comparable));
  const groupUsers: string[] = [];
  for (const entry of lists.groupAllowedUsers) {
    // Older configurations listed chats here; a chat id of a group starts with a minus sign.
    if (entry.startsWith('-')) groupChats.add(comparable(entry));
    else groupUsers.push(entry);
  }
  if (inGroup && (groupChats.has('*') || groupChats.has(comparable(event.at.chat)))) return true;
  const sender = event.from.id;
  if (sender === undefined) return false;
  if (lists.allowAll) return true;
  const allowed = [...lists.allowedUsers, ...everywhere.allowedUsers, ...(inGroup ? groupUsers : [])].map(
    comparable,
  );
  const anyList = allowed.length > 0 || groupUsers.length > 0 || groupChats.size > 0;
  if (anyList) {
    const id = comparable(sender);
    return allowed.includes('*') || allowed.includes(id) || allowed.includes(beforeAt(id));
  }
  return everywhere.allowAll;
}

function beforeAt(id: string): string {
  const at = id.indexOf('@');
  return at > 0 ? id.slice(0, at) : id;
}
