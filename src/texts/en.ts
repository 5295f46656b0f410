/** What people read in chats, in English. `{name}` is filled in; texts the documentation fixes are exact. */
export const en = {
  'answer.no-text-after-tools':
    '⚠️ The model returned no response after processing tool results. This can happen with some models — try again or rephrase your question.',
  'busy.interrupt': "⚡ Interrupting current task{detail}. I'll respond to your message shortly.",
  'busy.draining': '⏳ Gateway is {state} and is not accepting another turn right now.',
  'busy.draining.queued': '⏳ Gateway restarting — queued for the next turn after it comes back.',
  'busy.queue': "⏳ Queued for the next turn{detail}. I'll respond once the current task finishes.",
  'busy.detail': ' ({minutes} min elapsed, iteration {iteration}/{most}, running: {tool})',
  'busy.subagent':
    '⏳ Subagent working{detail} — your message is queued for when it finishes (use /stop to cancel everything).',
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
  'gateway.online': '♻️ Gateway online — Hermes is back and ready.',
  'gateway.restarted': '♻ Gateway restarted successfully. Your session continues.',
  'gateway.restarting':
    "⚠️ Gateway restarting — Your current task will be interrupted. Send any message after restart and I'll try to resume where you left off.",
  'gateway.shutting-down': '⚠️ Gateway shutting down — Your current task will be interrupted.',
  'reset.daily':
    '◐ Session automatically reset (daily schedule). Conversation history cleared.\nAdjust reset timing in config.yaml under session_reset.',
  'reset.idle':
    '◐ Session automatically reset (inactive). Conversation history cleared.\nAdjust reset timing in config.yaml under session_reset.',
  'restart.draining': '⏳ Draining {count} active agent(s) before restart...',
  'restart.now':
    "♻ Restarting gateway. If you aren't notified within 60 seconds, restart from the console with `hermes gateway restart`.",
  'restart.pending': '⏳ Gateway restart already in progress...',
  'sessions.limit':
    'Hermes is at the active session limit ({active}/{most}). Try again when another session finishes.',
  'turn.context':
    "⚠️ Session too large for the model's context window.\nUse /compress to compress the conversation, or /reset to start fresh.",
  'turn.credentials': '⚠️ Provider authentication failed: {detail}',
  'turn.empty':
    '⚠️ Processing completed but no response was generated. This may be a transient error — try sending your message again.',
  'turn.exception':
    'Sorry, I encountered an error ({type}).\n{detail}\n{hint}Try again or use /reset to start a fresh session.',
  'turn.inactive':
    '⏱️ {detail} To increase the limit, set agent.gateway_timeout in config.yaml (value in seconds, 0 = no limit) and restart the gateway.\nTry again, or use /reset to start fresh.',
  'turn.failed': 'The request failed: {detail}\nTry again or use /reset to start a fresh session.',
  'turn.partial': '⚠️ Processing stopped: {reason}. Try again.',
} as const satisfies Readonly<Record<string, string>>;
