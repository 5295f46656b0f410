import type { TurnResult } from '../core/agent-event.ts';
import { say } from '../texts/say.ts';

const silence = new Set(['[SILENT]', 'SILENT', 'NO_REPLY', 'NO REPLY']);

/** What a chat reads at the end of a turn (gateway-core §7.6, §7.7); undefined = nothing is sent. */
export function answerOf(result: TurnResult): string | undefined {
  switch (result.status) {
    case 'interrupted':
      return undefined;
    case 'completed':
      if (isSilence(result.text)) return undefined;
      return result.text.trim() === '' ? say('turn.empty') : result.text;
    case 'partial': {
      const note = say('turn.partial', { reason: result.error?.message ?? result.exit });
      return result.text.trim() === '' ? note : `${result.text}\n\n${note}`;
    }
    case 'failed':
      if (result.error?.code === 'INACTIVE') return say('turn.inactive', { detail: result.error.message });
      return say('turn.failed', { detail: (result.error?.message ?? result.exit).slice(0, 300) });
  }
}

function isSilence(text: string): boolean {
  return text.length <= 64 && silence.has(text.trim().replace(/\s+/g, ' ').toUpperCase());
}
