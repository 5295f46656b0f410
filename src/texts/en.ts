/** What people read in chats, in English. `{name}` is filled in; texts the documentation fixes are exact. */
export const en = {
  'busy.interrupt': "⚡ Interrupting current task{detail}. I'll respond to your message shortly.",
  'busy.queue': "⏳ Queued for the next turn{detail}. I'll respond once the current task finishes.",
  'busy.steer': '⏩ Steered into current run{detail}. Your message arrives after the next tool call.',
  'command.help.title': '📖 **Hermes Commands**',
  'command.new.reset': '✨ Session reset! Starting fresh.',
  'command.new.started': '✨ New session started!',
  'command.stop.idle': 'No active task to stop.',
  'command.stop.stopped': '⚡ Stopped. You can continue this session.',
  'command.unknown':
    "Unknown command `/{name}`. Type /commands to see what's available, or resend without the leading slash to send as a regular message.",
  'delivery.failed':
    '⚠️ Message delivery failed after multiple attempts. Please try again — your request was processed but the response could not be sent.',
  'reset.daily':
    '◐ Session automatically reset (daily schedule). Conversation history cleared.\nAdjust reset timing in config.yaml under session_reset.',
  'reset.idle':
    '◐ Session automatically reset (inactive). Conversation history cleared.\nAdjust reset timing in config.yaml under session_reset.',
  'turn.empty':
    '⚠️ Processing completed but no response was generated. This may be a transient error — try sending your message again.',
  'turn.failed': 'The request failed: {detail}\nTry again or use /reset to start a fresh session.',
  'turn.partial': '⚠️ Processing stopped: {reason}. Try again.',
} as const satisfies Readonly<Record<string, string>>;
