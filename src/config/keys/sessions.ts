/** Sessions. */
import { choice, flag, mapping, minutes, names, text, whole } from '../values.ts';
import { key, unset } from './shape.ts';

export const sessionsKeys = {
  group_sessions_per_user: key(flag(), true, 'One session per user in groups.', {
    also: ['gateway.group_sessions_per_user'],
    field: 'sessions.groupPerUser',
  }),
  thread_sessions_per_user: key(flag(), false, 'One session per user inside threads.', {
    also: ['gateway.thread_sessions_per_user'],
    field: 'sessions.threadPerUser',
  }),
  'session_reset.mode': key(
    choice(['daily', 'idle', 'both', 'none', 'off']),
    'both',
    'When sessions start fresh.',
    {
      also: ['default_reset_policy.mode', 'gateway.session_reset.mode'],
      field: 'sessions.reset.mode',
    },
  ),
  'session_reset.at_hour': key(whole({ min: 0, max: 23 }), 4, 'Local hour of the daily reset.', {
    env: 'SESSION_RESET_HOUR',
    also: ['default_reset_policy.at_hour', 'gateway.session_reset.at_hour'],
    field: 'sessions.reset.atHour',
  }),
  'session_reset.idle_minutes': key(minutes(), 1440, 'Minutes of silence before a reset.', {
    env: 'SESSION_IDLE_MINUTES',
    also: ['default_reset_policy.idle_minutes', 'gateway.session_reset.idle_minutes'],
    field: 'sessions.reset.idleMs',
  }),
  'session_reset.notify': key(flag(), true, 'Tell the chat about a reset.'),
  'session_reset.notify_exclude_platforms': key(
    names(),
    ['api_server', 'webhook'],
    'Platforms without the notice.',
  ),
  reset_by_type: unset(mapping(), 'Reset policy by kind of chat.'),
  reset_by_platform: unset(mapping(), 'Reset policy by platform.'),
  reset_triggers: key(names(), ['/new', '/reset'], 'Texts that start a new session.'),
  'sessions.auto_prune': key(flag(), false, 'Delete old sessions.'),
  'sessions.retention_days': key(whole({ min: 1 }), 90, 'Age of sessions that may be deleted.'),
  'sessions.vacuum_after_prune': key(flag(), true, 'Shrink the database after deleting.'),
  'sessions.min_interval_hours': key(whole({ min: 1 }), 24, 'Hours between two clean-ups.'),
  session_store_max_age_days: key(whole({ min: 0 }), 90, 'Days an unused session is remembered.'),
  sessions_dir: unset(text(), 'Folder of session files.'),
  max_concurrent_sessions: unset(whole({ min: 1 }), 'Sessions working at the same time.', {
    also: ['gateway.max_concurrent_sessions'],
  }),
} as const;
