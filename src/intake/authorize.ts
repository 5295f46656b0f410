import type { PlatformBlock, Settings } from '../config/settings.ts';
import type { Inbound } from '../core/inbound.ts';

/**
 * Who may talk to the agent (gateway-core §5.1). Default deny. Only stable ids count; a display name never does.
 * Pure: the answer depends on the event and the lists alone.
 */
export function isAuthorized(
  event: Pick<Inbound, 'at' | 'scope' | 'from'>,
  lists: PlatformBlock['access'],
  everywhere: Settings['access'],
): boolean {
  const inGroup = event.scope !== 'dm';
  const groupChats = new Set(lists.groupAllowedChats);
  const groupUsers: string[] = [];
  for (const entry of lists.groupAllowedUsers) {
    // Older configurations listed chats here; a chat id of a group starts with a minus sign.
    if (entry.startsWith('-')) groupChats.add(entry);
    else groupUsers.push(entry);
  }
  if (inGroup && (groupChats.has('*') || groupChats.has(event.at.chat))) return true;
  const sender = event.from.id;
  if (sender === undefined) return false;
  if (lists.allowAll) return true;
  const allowed = [...lists.allowedUsers, ...everywhere.allowedUsers, ...(inGroup ? groupUsers : [])];
  const anyList = allowed.length > 0 || groupUsers.length > 0 || groupChats.size > 0;
  if (anyList) {
    return allowed.includes('*') || allowed.includes(sender) || allowed.includes(beforeAt(sender));
  }
  return everywhere.allowAll;
}

function beforeAt(id: string): string {
  const at = id.indexOf('@');
  return at > 0 ? id.slice(0, at) : id;
}
