/** The agent and its loop. */
import { anything, flag, mapping, names, seconds, text, whole } from '../values.ts';
import { key, unset } from './shape.ts';

export const agentKeys = {
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
} as const;
