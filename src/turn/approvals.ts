/** Questions of one turn that wait for a person (gateway-core §9.3, api-server §9.5). */
import type { ApprovalRequest, Consent } from '../agent/contract.ts';
import type { AgentEvent, ApprovalChoice, ApprovalQuestion } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';

export interface Asking {
  readonly request: ApprovalRequest;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Called before the turn goes on when the answer holds for everything later; undefined = that is not offered. */
  readonly allowForEver: ((keys: readonly string[]) => void) | undefined;
}

interface Waiting {
  readonly question: ApprovalQuestion;
  settle(choice: ApprovalChoice, by: 'person' | 'timeout' | 'end'): void;
}

/** Questions open at once; a further one is refused without being asked. */
const mostOpen = 64;

/**
 * The open questions of one turn, oldest first, and what was allowed for its rest. Answers of one turn never reach
 * another one, whatever session they belong to. Nothing here is stored: a resumed turn asks again.
 */
export class Questions {
  readonly #emit: (event: AgentEvent) => void;
  readonly #open = new Map<string, Waiting>();
  /** Keys allowed for the rest of the turn. */
  readonly #allowed = new Set<string>();

  constructor(emit: (event: AgentEvent) => void) {
    this.#emit = emit;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Never rejects. Refused at once when `signal` aborts, `expired` when nobody answers in time. */
  ask({ request, clock, timeoutMs, allowForEver }: Asking, signal: AbortSignal): Promise<Consent> {
    const { keys, command, why } = request;
    if (keys.every((key) => this.#allowed.has(key))) return Promise.resolve('allowed');
    if (signal.aborted || this.#open.size >= mostOpen) return Promise.resolve('denied');
    const choices: readonly ApprovalChoice[] =
      allowForEver === undefined ? ['once', 'session', 'deny'] : ['once', 'session', 'always', 'deny'];
    const id = `appr_${clock.hex(12)}`;
    return new Promise((resolve) => {
      const settle: Waiting['settle'] = (choice, by) => {
        if (!this.#open.delete(id)) return;
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        if (choice === 'session' || choice === 'always') for (const key of keys) this.#allowed.add(key);
        if (choice === 'always') allowForEver?.(keys);
        this.#emit({ type: 'approval.answered', id, choice, by });
        resolve(choice === 'deny' ? (by === 'timeout' ? 'expired' : 'denied') : 'allowed');
      };
      const onAbort = () => settle('deny', 'end');
      const cancelTimer = clock.after(timeoutMs, () => settle('deny', 'timeout'));
      signal.addEventListener('abort', onAbort, { once: true });
      const question = { id, command, why, keys, choices };
      this.#open.set(id, { question, settle });
      this.#emit({ type: 'approval.requested', question });
    });
  }

  /** How many questions were answered. A choice that a question does not offer reaches as far as one that it does. */
  answer(choice: ApprovalChoice, which: 'oldest' | 'all' | { readonly id: string }): number {
    const open = [...this.#open.values()];
    const meant =
      which === 'all'
        ? open
        : which === 'oldest'
          ? open.slice(0, 1)
          : open.filter(({ question }) => question.id === which.id);
    for (const { question, settle } of meant) {
      settle(question.choices.includes(choice) ? choice : 'once', 'person');
    }
    return meant.length;
  }
}
