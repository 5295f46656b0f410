/** Documented parts that keep their own shape. */
import { choice, flag, names, seconds, text, whole } from '../values.ts';
import { key, unset } from './shape.ts';

export const openKeys = {
  'gateway.proxy_url': unset(text(), 'Another gateway that answers instead.', { env: 'GATEWAY_PROXY_URL' }),
  GATEWAY_PROXY_KEY: unset(text(), 'Its key.', { secret: true }),
  'gateway.multiplex_profiles': key(flag(), false, 'Serve all profiles.', { also: ['multiplex_profiles'] }),
  'gateway.systemd_watchdog_seconds': unset(whole({ min: 0 }), 'Watchdog interval of the unit.'),
  'gateway.message_timestamps.enabled': key(flag(), false, 'Show the model when messages were sent.'),
  'gateway.strict': unset(flag(), 'Deliver only files of allowed folders.', {
    env: 'HERMES_MEDIA_DELIVERY_STRICT',
    bridged: true,
    guard: true,
  }),
  'gateway.media_delivery_allow_dirs': unset(names(), 'Folders whose files may be sent.', {
    env: 'HERMES_MEDIA_ALLOW_DIRS',
    bridged: true,
    guard: true,
  }),
  'gateway.trust_recent_files': unset(flag(), 'Also send files written lately.', {
    env: 'HERMES_MEDIA_TRUST_RECENT_FILES',
    bridged: true,
    guard: true,
  }),
  'gateway.trust_recent_files_seconds': unset(seconds(), 'What lately means.', {
    env: 'HERMES_MEDIA_TRUST_RECENT_SECONDS',
    bridged: true,
  }),
  filter_silence_narration: key(flag(), true, 'Drop answers that only narrate silence.', {
    env: 'HERMES_FILTER_SILENCE_NARRATION',
  }),
  always_log_local: key(flag(), true, 'Store local conversations.'),
  'human_delay.mode': key(choice(['off', 'natural', 'custom']), 'off', 'Pause between parts.', {
    env: 'HERMES_HUMAN_DELAY_MODE',
  }),
  'human_delay.min_ms': key(whole({ min: 0 }), 800, 'Shortest pause.', { env: 'HERMES_HUMAN_DELAY_MIN_MS' }),
  'human_delay.max_ms': key(whole({ min: 0 }), 2500, 'Longest pause.', { env: 'HERMES_HUMAN_DELAY_MAX_MS' }),
  'voice.auto_tts': key(flag(), false, 'Speak answers.'),
  'cron.wrap_response': key(flag(), true, 'Frame the answer of a job.'),
  'cron.max_parallel_jobs': unset(whole({ min: 1 }), 'Jobs at the same time.', {
    env: 'HERMES_CRON_MAX_PARALLEL',
  }),
  'cron.script_timeout_seconds': key(seconds(), 120, 'Seconds a job’s script may run.', {
    env: 'HERMES_CRON_SCRIPT_TIMEOUT',
  }),
  'checkpoints.enabled': key(flag(), false, 'Keep copies for `/rollback`.'),
} as const;
