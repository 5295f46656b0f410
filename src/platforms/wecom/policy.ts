/**
 * Who may talk to the bot where, as far as WeCom's own settings say (wecom §5). It only narrows: what passes here is
 * still judged by the gateway's allow-lists.
 */
import type { WeComConfig } from './config.ts';

type Settings = Pick<
  WeComConfig,
  'dm_policy' | 'group_policy' | 'allow_from' | 'group_allow_from' | 'groups' | 'allowed_users'
>;

export interface Policy {
  direct(user: string): boolean;
  group(chat: string, user: string): boolean;
}

/** `WeCom:User:Zhang ` → `zhang`. Ids of WeCom do not differ by case alone. */
export function normalId(entry: string): string {
  return entry
    .trim()
    .replace(/^wecom:\s*/i, '')
    .replace(/^(user|group):/i, '')
    .trim()
    .toLowerCase();
}

export function policyOf(settings: Settings): Policy {
  const users = matcher(settings.allow_from ?? settings.allowed_users);
  const chats = matcher(settings.group_allow_from);
  const exact = new Map(Object.entries(settings.groups).map(([id, entry]) => [id, senders(entry)]));
  const byId = new Map([...exact].map(([id, match]) => [normalId(id), match]));

  const passesGroup = (chat: string): boolean => {
    switch (settings.group_policy) {
      case 'open':
        return true;
      case 'disabled':
        return false;
      case 'allowlist':
      case 'pairing':
        return chats(chat);
      default:
        return settings.group_policy satisfies never;
    }
  };

  return {
    direct(user) {
      switch (settings.dm_policy) {
        // Strangers that ask to be paired must reach the gateway, which answers them.
        case 'open':
        case 'pairing':
          return true;
        case 'disabled':
          return false;
        case 'allowlist':
          return users(user);
        default:
          return settings.dm_policy satisfies never;
      }
    },
    group(chat, user) {
      if (!passesGroup(chat)) return false;
      const members = exact.get(chat) ?? byId.get(normalId(chat)) ?? exact.get('*');
      return members === undefined || members(user);
    },
  };
}

type Match = (id: string) => boolean;

function matcher(entries: readonly string[]): Match {
  const known = new Set(entries.map(normalId));
  return (id) => known.has('*') || known.has(normalId(id));
}

/** A group without a list is open to its members. */
function senders({ allow_from }: Settings['groups'][string]): Match {
  return allow_from.length === 0 ? () => true : matcher(allow_from);
}
