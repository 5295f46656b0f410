/**
 * THE table of compatible keys: config.yaml path or environment variable ↔ type, default, meaning and the field
 * of `Settings` it becomes. Loading, `config explain`, `config check` and the reference docs all read it.
 *
 * A key of capitals is a variable without a place in config.yaml; `*` stands for a name the user chooses.
 * A key without `field` is documented and accepted but has no effect in this version; `config explain` says so.
 */
import type { ZodType } from 'zod';
import {
  anything,
  choice,
  decimal,
  entries,
  flag,
  mapping,
  megabytes,
  minutes,
  names,
  seconds,
  text,
  whole,
} from './values.ts';

export interface Key<T = unknown> {
  readonly value: ZodType<T>;
  /** As it would be written in the file; undefined = unset. */
  readonly fallback: unknown;
  readonly about: string;
  /** Environment variable of the same setting. */
  readonly env?: string;
  /** The value of config.yaml beats the variable (gateway-core §2.1 item 3). */
  readonly bridged?: true;
  /** Other accepted places in config.yaml; a later one beats an earlier one, the key itself beats all. */
  readonly also?: readonly string[];
  readonly secret?: true;
  /** Decides who may reach what: a value that cannot be read prevents the start instead of being ignored. */
  readonly guard?: true;
  /** Dotted field of `Settings`. */
  readonly field?: string;
}

type More = Partial<Pick<Key, 'env' | 'bridged' | 'also' | 'secret' | 'guard' | 'field'>>;

function key<T>(value: ZodType<T>, fallback: NonNullable<unknown>, about: string, more: More = {}): Key<T> {
  return { value, fallback, about, ...more };
}

/** A key that has no default. */
function unset<T>(value: ZodType<T>, about: string, more: More = {}): Key<T | undefined> {
  return { value: value as ZodType<T | undefined>, fallback: undefined, about, ...more };
}

/** The API server's block may stand in four places, each with or without `extra` (api-server §1.2). */
function apiServer(name: string): readonly string[] {
  const places = ['gateway.api_server', 'gateway.platforms.api_server', 'platforms.api_server', 'api_server'];
  return places
    .flatMap((place) => [`${place}.extra.${name}`, `${place}.${name}`])
    .filter((path) => path !== `platforms.api_server.${name}`);
}

const busy = ['interrupt', 'queue', 'steer'] as const;
const progress = ['off', 'new', 'all', 'verbose'] as const;

export const keys = {
  /* model */
  'model.default': key(text(), '', 'Model id; empty = not configured.', {
    env: 'HERMES_INFERENCE_MODEL',
    also: ['model', 'model.model'],
    field: 'model.name',
  }),
  'model.provider': key(text(), 'auto', 'Provider id, alias, `custom`, `custom:<name>`, `auto` or `demo`.', {
    field: 'model.provider',
  }),
  'model.base_url': unset(text(), 'Endpoint of a custom provider.', { field: 'model.baseUrl' }),
  'model.api_key': unset(text(), 'Key for `model.base_url`.', { secret: true, field: 'model.apiKey' }),
  'model.api_mode': unset(text(), 'Wire format of the endpoint.', { field: 'model.apiMode' }),
  'model.context_length': unset(
    whole({ min: 1 }),
    'Context window in tokens, beats what is known of the model.',
    {
      field: 'model.contextLength',
    },
  ),
  'model.max_tokens': unset(whole({ min: 1 }), 'Cap of output tokens per call.', {
    field: 'model.maxTokens',
  }),
  'model.supports_vision': unset(flag(), 'Send images natively.', { field: 'model.supportsVision' }),
  'model.openai_runtime': key(text(), 'auto', 'Runtime for OpenAI models.'),
  'model.persist_switch_by_default': key(flag(), false, 'Whether `/model` changes the configuration.'),
  model_aliases: unset(mapping(), 'Short names for provider and model.'),
  'providers.*.base_url': unset(text(), 'Endpoint.', {
    also: ['providers.*.url', 'providers.*.api', 'providers.*.baseUrl'],
    field: 'providers.*.baseUrl',
  }),
  'providers.*.api_key': unset(text(), 'Key of the endpoint.', {
    also: ['providers.*.apiKey'],
    secret: true,
    field: 'providers.*.apiKey',
  }),
  'providers.*.key_env': unset(text(), 'Variable that holds the key.', {
    also: ['providers.*.api_key_env', 'providers.*.apiKeyEnv', 'providers.*.keyEnv'],
    field: 'providers.*.apiKey',
  }),
  'providers.*.api_mode': unset(text(), 'Wire format.', {
    also: ['providers.*.transport', 'providers.*.apiMode'],
    field: 'providers.*.apiMode',
  }),
  'providers.*.model': unset(text(), 'Default model.', {
    also: ['providers.*.default_model', 'providers.*.defaultModel'],
    field: 'providers.*.model',
  }),
  'providers.*.request_timeout_seconds': unset(seconds(), 'Longest wait for a response.', {
    field: 'providers.*.requestTimeoutMs',
  }),
  'providers.*.stale_timeout_seconds': unset(seconds(), 'Longest silence inside a stream.', {
    field: 'providers.*.staleTimeoutMs',
  }),
  'providers.*.extra_body': unset(mapping(), 'Fields merged into every request body.', {
    field: 'providers.*.extraBody',
  }),
  'providers.*.name': unset(text(), 'Shown name.'),
  'providers.*.models': unset(anything(), 'Models of the endpoint, list or mapping.'),
  'providers.*.context_length': unset(whole({ min: 1 }), 'Context window of its models.', {
    also: ['providers.*.contextLength'],
  }),
  'providers.*.rate_limit_delay': unset(decimal(), 'Seconds between calls.', {
    also: ['providers.*.rateLimitDelay'],
  }),
  'providers.*.discover_models': unset(flag(), 'Ask the endpoint for its models.'),
  custom_providers: unset(entries(), 'Older list form of `providers`.', { field: 'providers' }),
  fallback_providers: unset(entries(), 'Models tried in order when the first one fails.', {
    also: ['fallback_model'],
    field: 'fallback',
  }),

  /* agent */
  'agent.max_turns': key(whole({ min: 1 }), 90, 'Model calls per turn.', {
    env: 'HERMES_MAX_ITERATIONS',
    bridged: true,
    also: ['max_turns'],
    field: 'agent.maxIterations',
  }),
  'agent.api_max_retries': key(whole({ min: 1, clamp: true }), 3, 'Total calls per model request.', {
    field: 'agent.apiMaxRetries',
  }),
  'agent.reasoning_effort': key(
    text(),
    '',
    '`none minimal low medium high xhigh`; empty = the provider decides.',
    {
      field: 'agent.reasoningEffort',
    },
  ),
  'agent.gateway_timeout': key(
    seconds(),
    1800,
    'Seconds without any activity after which a turn ends; 0 = never.',
    {
      env: 'HERMES_AGENT_TIMEOUT',
      bridged: true,
      field: 'agent.inactivityMs',
    },
  ),
  'agent.restart_drain_timeout': key(seconds(), 180, 'Seconds that running turns get at shutdown.', {
    env: 'HERMES_RESTART_DRAIN_TIMEOUT',
    bridged: true,
    field: 'agent.drainMs',
  }),
  'agent.disabled_toolsets': key(names(), [], 'Toolsets that no platform gets.', {
    guard: true,
    field: 'agent.disabledToolsets',
  }),
  HERMES_EPHEMERAL_SYSTEM_PROMPT: key(text(), '', 'System text added to every turn, never stored.', {
    field: 'agent.ephemeralSystemPrompt',
  }),
  'agent.gateway_timeout_warning': key(seconds(), 900, 'Seconds of silence before a warning.', {
    env: 'HERMES_AGENT_TIMEOUT_WARNING',
    bridged: true,
  }),
  'agent.gateway_notify_interval': key(seconds(), 180, 'Seconds between "still working" notices.', {
    env: 'HERMES_AGENT_NOTIFY_INTERVAL',
    bridged: true,
  }),
  'agent.gateway_auto_continue_freshness': key(
    seconds(),
    3600,
    'How old an interrupted turn may be to go on.',
    {
      env: 'HERMES_AUTO_CONTINUE_FRESHNESS',
      bridged: true,
    },
  ),
  'agent.clarify_timeout': key(seconds(), 600, 'Seconds a question to the user stays open.'),
  'agent.personalities': unset(mapping(), 'Named personalities.'),
  'agent.system_prompt': unset(text(), 'Own addition to the system prompt.'),
  'agent.environment_hint': unset(text(), 'Hint about the machine for the model.'),
  'agent.environment_probe': unset(anything(), 'Whether the machine is described to the model.'),
  'agent.image_input_mode': unset(text(), 'How images reach the model.'),
  'agent.tool_use_enforcement': unset(anything(), 'Reminders to use tools.'),
  'agent.task_completion_guidance': unset(flag(), 'Guidance on finishing tasks.'),
  'agent.service_tier': unset(text(), 'Service tier asked of the provider.'),
  'agent.verbose': unset(flag(), 'More output in the terminal.'),
  prefill_messages_file: unset(text(), 'Messages put before every conversation.', {
    env: 'HERMES_PREFILL_MESSAGES_FILE',
    also: ['agent.prefill_messages_file'],
  }),

  /* API server */
  'platforms.api_server.enabled': unset(flag(), 'Serve the API; a key alone also switches it on.', {
    env: 'API_SERVER_ENABLED',
    also: apiServer('enabled'),
    guard: true,
    field: 'api.enabled',
  }),
  'platforms.api_server.host': key(text(), '127.0.0.1', 'Address to listen on.', {
    env: 'API_SERVER_HOST',
    also: apiServer('host'),
    guard: true,
    field: 'api.host',
  }),
  'platforms.api_server.port': key(whole({ min: 0, max: 65_535 }), 8642, 'Port to listen on.', {
    env: 'API_SERVER_PORT',
    also: apiServer('port'),
    field: 'api.port',
  }),
  'platforms.api_server.key': unset(text(), 'Bearer token of the API.', {
    env: 'API_SERVER_KEY',
    also: apiServer('key'),
    secret: true,
    guard: true,
    field: 'api.key',
  }),
  'platforms.api_server.require_key': key(
    flag(),
    false,
    'Refuse to serve without a strong key, also on loopback.',
    {
      also: apiServer('require_key'),
      guard: true,
      field: 'api.requireKey',
    },
  ),
  'platforms.api_server.cors_origins': key(names(), [], 'Browser origins that may call the API; `*` = all.', {
    env: 'API_SERVER_CORS_ORIGINS',
    also: apiServer('cors_origins'),
    guard: true,
    field: 'api.corsOrigins',
  }),
  'platforms.api_server.model_name': key(text(), 'hermes-agent', 'Advertised model id.', {
    env: 'API_SERVER_MODEL_NAME',
    also: apiServer('model_name'),
    field: 'api.modelName',
  }),
  'platforms.api_server.max_concurrent_runs': key(
    whole({ min: 0, clamp: true }),
    10,
    'Turns at once through the API; 0 = no cap.',
    { also: apiServer('max_concurrent_runs'), field: 'api.maxConcurrentRuns' },
  ),
  'platforms.api_server.tool_progress_events': key(flag(), true, 'Send `hermes.tool.progress` frames.', {
    also: apiServer('tool_progress_events'),
    field: 'api.toolProgressEvents',
  }),
  'platforms.api_server.direct_model_requests': key(
    flag(),
    false,
    'Let requests choose any configured model.',
    {
      also: apiServer('direct_model_requests'),
      guard: true,
      field: 'api.directModelRequests',
    },
  ),
  'platforms.api_server.model_routes': key(mapping(), {}, 'Model names of requests → configured models.', {
    also: apiServer('model_routes'),
    field: 'api.modelRoutes',
  }),
  'platforms.api_server.history_tool_output_max_chars': key(
    whole({ min: 0, clamp: true }),
    0,
    'Cap per stored tool output; 0 = whole.',
    { also: apiServer('history_tool_output_max_chars') },
  ),
  'platforms.api_server.responses_tool_items': unset(anything(), 'Which tool items responses show.', {
    also: apiServer('responses_tool_items'),
  }),

  /* who may talk */
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

  /* sessions */
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

  /* what chats show */
  'display.busy_input_mode': key(choice(busy), 'interrupt', 'What a message does while the agent works.', {
    env: 'HERMES_GATEWAY_BUSY_INPUT_MODE',
    bridged: true,
    field: 'display.busyMode',
  }),
  'display.busy_ack_enabled': key(flag(), true, 'Answer messages that arrive while the agent works.', {
    env: 'HERMES_GATEWAY_BUSY_ACK_ENABLED',
    bridged: true,
    field: 'display.busyAck',
  }),
  'display.busy_ack_detail': key(flag(), true, 'Say what the agent is doing in that answer.'),
  'display.busy_text_mode': key(choice(busy), 'interrupt', 'The same for follow-up texts.', {
    env: 'HERMES_GATEWAY_BUSY_TEXT_MODE',
    bridged: true,
  }),
  'display.show_reasoning': key(flag(), false, 'Show the reasoning of the model.'),
  'display.platforms.api_server.show_reasoning': unset(flag(), 'Show reasoning in API answers.', {
    also: ['display.show_reasoning'],
    field: 'api.showReasoning',
  }),
  'display.platforms.*': unset(mapping(), 'Display keys of one platform.'),
  'display.tool_progress': key(choice(progress), 'all', 'Which tool calls a chat shows.', {
    env: 'HERMES_TOOL_PROGRESS_MODE',
  }),
  'display.tool_progress_overrides': unset(mapping(), 'Older form of `display.platforms`.'),
  'display.tool_progress_command': key(flag(), false, 'Offer `/verbose` in chats.'),
  'display.tool_progress_grouping': key(
    choice(['accumulate', 'separate']),
    'accumulate',
    'One message or many.',
  ),
  'display.tool_preview_length': key(whole({ min: 0 }), 0, 'Characters of a tool preview; 0 = 40.'),
  'display.interim_assistant_messages': key(flag(), true, 'Send text the model writes between tool calls.'),
  'display.background_process_notifications': key(
    choice(['all', 'result', 'error', 'off']),
    'all',
    'Notices.',
    {
      env: 'HERMES_BACKGROUND_NOTIFICATIONS',
    },
  ),
  'display.long_running_notifications': key(flag(), true, '"Still working" notices.'),
  'display.cleanup_progress': key(flag(), false, 'Delete progress messages at the end.'),
  'display.ephemeral_system_ttl': key(
    seconds(),
    0,
    'Seconds after which command answers are deleted; 0 = never.',
  ),
  'display.runtime_footer.enabled': key(flag(), false, 'Footer with model and context.'),
  'display.runtime_footer.fields': key(names(), ['model', 'context_pct', 'cwd'], 'What the footer shows.'),
  'display.language': key(text(), 'en', 'Language of notices.', { env: 'HERMES_LANGUAGE' }),
  'display.memory_notifications': key(choice(['on', 'off', 'verbose']), 'on', 'Notices about memory.'),
  'display.personality': unset(text(), 'Personality of new sessions.'),
  'display.streaming': unset(flag(), 'Streaming in the terminal.'),
  'display.file_mutation_verifier': unset(anything(), 'Check that file changes happened.'),
  'display.turn_completion_explainer': unset(anything(), 'Explain how a turn ended.'),
  'display.compact': unset(flag(), 'Compact terminal output.'),
  'display.skin': unset(text(), 'Terminal colours.'),
  'streaming.enabled': key(flag(), false, 'Show answers while they are written.'),
  'streaming.transport': key(choice(['off', 'edit', 'draft', 'auto']), 'auto', 'How.'),
  'streaming.edit_interval': key(decimal({ min: 0 }), 0.8, 'Seconds between edits.'),
  'streaming.buffer_threshold': key(whole({ min: 1 }), 24, 'Characters between edits.'),
  'streaming.cursor': key(text(), ' ▉', 'Mark at the end of unfinished text.'),
  'streaming.fresh_final_after_seconds': key(seconds(), 0, 'Send the final text anew when older.'),

  /* tools and safety */
  'terminal.backend': key(text(), 'local', 'Where commands run.', {
    env: 'TERMINAL_ENV',
    bridged: true,
    guard: true,
    field: 'terminal.backend',
  }),
  'terminal.cwd': key(text(), '~', 'Working folder of commands.', {
    env: 'TERMINAL_CWD',
    bridged: true,
    field: 'terminal.cwd',
  }),
  MESSAGING_CWD: unset(text(), 'Older name of TERMINAL_CWD.', { field: 'terminal.cwd' }),
  'terminal.timeout': key(seconds({ min: 1 }), 180, 'Seconds a command may run.', {
    env: 'TERMINAL_TIMEOUT',
    bridged: true,
    field: 'terminal.timeoutMs',
  }),
  'terminal.max_foreground_timeout': key(
    seconds({ min: 1 }),
    600,
    'Longest time-out a command may ask for.',
    {
      env: 'TERMINAL_MAX_FOREGROUND_TIMEOUT',
      bridged: true,
      field: 'terminal.maxForegroundMs',
    },
  ),
  'terminal.env_passthrough': key(names(), [], 'Variables that commands may see.', {
    env: 'TERMINAL_ENV_PASSTHROUGH',
    bridged: true,
    guard: true,
    field: 'terminal.envPassthrough',
  }),
  SUDO_PASSWORD: unset(text(), 'Password for sudo inside commands.', {
    secret: true,
    field: 'terminal.sudoPassword',
  }),
  'terminal.*': unset(anything(), 'Keys of one terminal backend.'),
  'tool_output.max_bytes': key(whole({ min: 1 }), 50_000, 'Cap of a command’s output.', {
    field: 'toolOutput.maxBytes',
  }),
  'tool_output.max_lines': key(whole({ min: 1 }), 2000, 'Lines of one file read.', {
    field: 'toolOutput.maxLines',
  }),
  'tool_output.max_line_length': key(whole({ min: 1 }), 2000, 'Characters of one line.', {
    field: 'toolOutput.maxLineLength',
  }),
  file_read_max_chars: key(whole({ min: 1 }), 100_000, 'Largest file text a read returns.', {
    field: 'toolOutput.fileReadMaxChars',
  }),
  HERMES_WRITE_SAFE_ROOT: unset(text(), 'The only folder file tools may write to.', {
    guard: true,
    field: 'writeSafeRoot',
  }),
  'approvals.mode': key(choice(['manual', 'smart', 'off']), 'manual', 'Who consents to dangerous commands.', {
    guard: true,
    field: 'approvals.mode',
  }),
  command_allowlist: key(names(), [], 'Commands allowed for ever.', {
    guard: true,
    field: 'approvals.commandAllowlist',
  }),
  'approvals.timeout': key(seconds(), 60, 'Seconds a question in the terminal stays open.'),
  'approvals.gateway_timeout': key(seconds(), 300, 'Seconds a question in a chat stays open.'),
  'approvals.cron_mode': key(choice(['deny', 'approve']), 'deny', 'Dangerous commands of jobs.', {
    guard: true,
  }),
  'approvals.unattended_mode': unset(text(), 'Dangerous commands without a listener.', { guard: true }),
  'approvals.mcp_reload_confirm': key(flag(), true, 'Ask before reloading tool servers.'),
  'approvals.destructive_slash_confirm': key(flag(), true, 'Ask before destructive chat commands.'),
  'security.redact_secrets': key(flag(), true, 'Remove secrets from logs, tool output and chats.', {
    env: 'HERMES_REDACT_SECRETS',
    bridged: true,
    guard: true,
    field: 'security.redactSecrets',
  }),
  'security.allow_private_urls': key(flag(), false, 'Let tools call private addresses.', {
    env: 'HERMES_ALLOW_PRIVATE_URLS',
    guard: true,
    field: 'security.allowPrivateUrls',
  }),
  HERMES_YOLO_MODE: key(flag(), false, 'Skip approvals; the block list stays.', {
    guard: true,
    field: 'security.yolo',
  }),
  'security.website_blocklist': unset(mapping(), 'Web addresses tools never open.', { guard: true }),
  'security.tirith_enabled': key(flag(), true, 'Scan commands with tirith.'),
  'security.tirith_path': key(text(), 'tirith', 'The scanner program.'),
  'security.tirith_timeout': key(seconds(), 5, 'Seconds a scan may take.'),
  'security.tirith_fail_open': key(flag(), true, 'Run the command when the scan fails.'),
  'privacy.redact_pii': key(flag(), false, 'Hide phone numbers and names from the model.'),

  /* store, logs, place */
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

  /* documented parts that keep their own shape */
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
} as const satisfies Record<string, Key>;

export type KeyName = keyof typeof keys;
export type ValueOf<N extends KeyName> = (typeof keys)[N] extends Key<infer T> ? T : never;

/** Sections whose content another part of the product checks: every key below them is accepted here. */
export const openSections: readonly string[] = [
  'auxiliary',
  'bedrock',
  'browser',
  'checkpoints',
  'clarify',
  'code_execution',
  'compression',
  'context',
  'cron',
  'curator',
  'dashboard',
  'delegation',
  'discord.voice_fx',
  'hooks',
  'honcho',
  'image_gen',
  'kanban',
  'mcp_servers',
  'memory',
  'network',
  'onboarding',
  'openrouter',
  'plugins',
  'prompt_caching',
  'quick_commands',
  'reset_by_platform',
  'reset_by_type',
  'skills',
  'stt',
  'tts',
  'voice',
  'web',
  '_config_version',
];

/** Documented platform names: each may have a section of its own or a block under `platforms`. */
export const platformNames: readonly string[] =
  'local telegram discord whatsapp whatsapp_cloud slack signal mattermost matrix homeassistant email sms dingtalk api_server webhook msgraph_webhook feishu wecom wecom_callback weixin bluebubbles qqbot yuanbao relay google_chat irc line ntfy photon simplex teams'.split(
    ' ',
  );
