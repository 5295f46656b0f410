import type { TurnResult } from '../core/agent-event.ts';
import { say } from '../texts/say.ts';

const silence = new Set(['[SILENT]', 'SILENT', 'NO_REPLY', 'NO REPLY']);

/**
 * What a chat reads at the end of a turn (gateway-core §7.6, §7.7); undefined = nothing is sent. `unasked`: nobody there
 * wrote the event, so the marker of silence also counts as a line of its own at either end (webhooks §6).
 */
export function answerOf(result: TurnResult, unasked = false): string | undefined {
  switch (result.status) {
    case 'interrupted':
      return undefined;
    case 'completed':
      if (isSilence(result.text) || (unasked && hasSilentEdge(result.text))) return undefined;
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

function hasSilentEdge(text: string): boolean {
  const lines = text.trim().split('\n');
  return [lines.at(0), lines.at(-1)].some((line) => line?.trim() === '[SILENT]');
}
