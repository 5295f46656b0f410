/** Store, logs, place. */
import { choice, megabytes, text, whole } from '../values.ts';
import { key, unset } from './shape.ts';

export const placeKeys = {
  'store.url': unset(text(), 'postgres:// address; unset = `gateway.db` in the home.', {
    env: 'HERMES_DATABASE_URL',
    secret: true,
    guard: true,
    field: 'store.url',
  }),
  'logging.level': key(
    choice(['debug', 'info', 'warn', 'warning', 'error']),
    'info',
    'Least level of `agent.log`.',
    {
      field: 'logging.level',
    },
  ),
  'logging.max_size_mb': key(megabytes(), 5, 'Size at which a log file is rotated.', {
    field: 'logging.maxBytes',
  }),
  'logging.backup_count': key(whole({ min: 0, max: 100 }), 3, 'Rotated files kept.', {
    field: 'logging.backups',
  }),
  timezone: key(text(), '', 'IANA name; empty = of the machine.', {
    env: 'HERMES_TIMEZONE',
    bridged: true,
    field: 'timezone',
  }),
} as const;
