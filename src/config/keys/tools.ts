/** Tools and safety. */
import { anything, choice, flag, mapping, names, seconds, text, whole } from '../values.ts';
import { key, unset } from './shape.ts';

export const toolsKeys = {
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
  'approvals.gateway_timeout': key(seconds(), 300, 'Seconds a question in a chat or run stays open.', {
    field: 'approvals.timeoutMs',
  }),
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
} as const;
