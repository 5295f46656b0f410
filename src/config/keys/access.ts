/** Who may talk. */
import { choice, flag, names } from '../values.ts';
import { key, unset } from './shape.ts';

export const accessKeys = {
  GATEWAY_ALLOWED_USERS: key(names(), [], 'Sender ids allowed on every platform.', {
    guard: true,
    field: 'access.allowedUsers',
  }),
  GATEWAY_ALLOW_ALL_USERS: key(flag(), false, 'Let everybody talk to the agent.', {
    guard: true,
    field: 'access.allowAll',
  }),
  unauthorized_dm_behavior: key(
    choice(['pair', 'ignore']),
    'pair',
    'What strangers get in direct messages.',
    {
      also: ['gateway.unauthorized_dm_behavior'],
      guard: true,
    },
  ),
  'platform_toolsets.*': unset(names(), 'Toolsets of one platform.', {
    guard: true,
    field: 'platformToolsets.*',
  }),
  toolsets: unset(names(), 'Toolsets of the terminal chat.'),
} as const;
