/** What chats show. */
import { anything, choice, decimal, flag, mapping, names, seconds, text, whole } from '../values.ts';
import { key, unset } from './shape.ts';

const busy = ['interrupt', 'queue', 'steer'] as const;

const progress = ['off', 'new', 'all', 'verbose'] as const;

export const displayKeys = {
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
} as const;
