/** One terminal conversation, with a running gateway or with one started for it. */

import { createHome } from '../config/home.ts';
import type { AgentEvent, TurnResult } from '../core/agent-event.ts';
import { systemClock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import { brand, type SessionKey } from '../core/ids.ts';
import { connectGateway } from './control.ts';
import { type Host, homeOf, type Place } from './host.ts';
import { openLog } from './log.ts';
import { readSettings, refuseProblems } from './settings.ts';

export interface Question {
  /** Questions of one session share a transcript. */
  readonly session: string;
  readonly text: string;
}

export interface Conversation {
  /** Who answers, when it is known before the first answer. */
  readonly model: string | undefined;
  /** Rejects only when nothing could be asked; a failed turn is a result. Aborting ends the turn. */
  ask(question: Question, onEvent: (event: AgentEvent) => void, signal: AbortSignal): Promise<TurnResult>;
  close(): Promise<void>;
}

/** A number is the exit code of a configuration that must not be used. */
export async function openConversation(host: Host, place: Place): Promise<Conversation | number> {
  const { home } = homeOf(host, place);
  const control = await connectGateway(home);
  if (control === undefined) return startOwn(host, place);
  const status = (await control.request('status')) as { readonly model?: { readonly name?: string } };
  control.close();
  return {
    model: status.model?.name,
    ask: (question, onEvent, signal) => askRunning(home, question, onEvent, signal),
    close: async () => {},
  };
}

/** A connection per question: closing it is how the gateway learns that nobody waits any more. */
async function askRunning(
  home: string,
  question: Question,
  onEvent: (event: AgentEvent) => void,
  signal: AbortSignal,
): Promise<TurnResult> {
  const control = await connectGateway(home);
  if (control === undefined) throw new GatewayError('NOT_RUNNING', { home });
  const stop = () => control.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return (await control.request('chat', question, (event) => onEvent(event as AgentEvent))) as TurnResult;
  } finally {
    signal.removeEventListener('abort', stop);
    control.close();
  }
}

async function startOwn(host: Host, place: Place): Promise<Conversation | number> {
  const ready = await readSettings(host, place);
  const refused = refuseProblems(host, ready);
  if (refused !== undefined) return refused;
  createHome(ready.settings.home);
  const { settings, problems } = ready;
  const { log, close } = openLog(settings, 'silent', host.stderr);
  const gateway = await host.startGateway({
    settings,
    problems,
    log,
    manifests: [],
    serve: false,
  });
  return {
    model: gateway.model.name,
    async ask({ session, text }, onEvent, signal) {
      const turn = await gateway.turns.submit({
        source: 'cli',
        key: systemClock.hex(16),
        sessionKey: brand<SessionKey>(`cli:${session}`),
        sessionId: `cli_${session}`,
        input: text,
        history: 'stored',
        consumer: 'live',
      });
      const unwatch = turn.watch(onEvent);
      const stop = () => turn.interrupt('stopped in the terminal');
      signal.addEventListener('abort', stop, { once: true });
      try {
        return await turn.result;
      } finally {
        signal.removeEventListener('abort', stop);
        unwatch();
      }
    },
    async close() {
      await gateway.stop('the terminal conversation ended');
      close();
    },
  };
}
