/** A run as its readers see it, made from agent events alone (api-server §9.2, §9.4). */
import type { AgentEvent, ApprovalQuestion, TurnResult } from '../../core/agent-event.ts';
import type { Usage } from '../../core/message.ts';
import type { Question, RunEvent, RunStatus, RunUsage } from './schema.ts';

type Fields<E> = E extends unknown ? Omit<E, 'run_id' | 'timestamp'> : never;
type Said = Fields<RunEvent>;

/** How a run ended, as it is kept. */
export interface Settled {
  readonly status: 'completed' | 'failed' | 'cancelled' | 'interrupted';
  readonly output?: string;
  readonly usage?: RunUsage;
  readonly error?: string;
  readonly incomplete_details?: { readonly reason: string };
  readonly pending_steer?: string;
}

/** Why a run that was lost with its process has no better end. */
export const lostRun = 'The gateway restarted before this run settled.';

export interface EncoderOptions {
  readonly run: string;
  /** Shows reasoning while it is made, not only when it is complete. */
  readonly reasoning: boolean;
  /** UTC milliseconds. */
  now(): number;
  /** Guidance of an earlier process that goes to the model again. */
  readonly steers?: readonly string[];
}

export class RunEncoder {
  readonly #options: EncoderOptions;
  readonly #questions = new Map<string, Question>();
  #isStarted = false;
  #reasoning = '';
  #lastEvent: string | null = null;
  /** Guidance the model has not read yet. */
  #waiting: string[];

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.#waiting = [...(options.steers ?? [])];
  }

  get status(): 'queued' | 'running' | 'waiting_for_approval' {
    if (!this.#isStarted) return 'queued';
    return this.#questions.size > 0 ? 'waiting_for_approval' : 'running';
  }

  /** What belongs to the status beside the word itself. */
  get details(): Pick<RunStatus, 'last_event' | 'approval' | 'pending_steer'> {
    const [approval] = this.#questions.values();
    return {
      last_event: this.#lastEvent,
      ...(approval === undefined ? {} : { approval }),
      ...(this.#waiting.length === 0 ? {} : { pending_steer: this.#waiting.join('\n') }),
    };
  }

  /** Questions that wait, oldest first. */
  get questions(): readonly Question[] {
    return [...this.#questions.values()];
  }

  event(event: AgentEvent): RunEvent[] {
    switch (event.type) {
      case 'turn.started':
        this.#isStarted = true;
        return [];
      case 'text.delta':
        return [...this.#thought(), ...this.#say({ event: 'message.delta', delta: event.text })];
      case 'reasoning.delta':
        this.#reasoning += event.text;
        return this.#options.reasoning ? this.#say({ event: 'reasoning.delta', delta: event.text }) : [];
      case 'segment.end':
        return this.#thought();
      case 'tool.started':
        if (event.name.startsWith('_')) return [];
        return [
          ...this.#thought(),
          ...this.#say({
            event: 'tool.started',
            tool: event.name,
            preview: event.preview === '' ? null : event.preview,
          }),
        ];
      case 'tool.completed':
        if (event.name.startsWith('_')) return [];
        return this.#say({
          event: 'tool.completed',
          tool: event.name,
          duration: Math.round(event.ms) / 1000,
          error: event.isError,
        });
      case 'approval.requested': {
        const question = questionOf(event.question);
        this.#questions.set(question.request_id, question);
        return this.#say({ event: 'approval.request', ...question });
      }
      case 'approval.answered':
        this.#questions.delete(event.id);
        return this.#say({
          event: 'approval.responded',
          choice: event.choice,
          resolved: 1,
          request_id: event.id,
        });
      case 'steered':
        this.#waiting = [];
        return [];
      // The end comes from the recorded result; notices are for people in front of a screen.
      case 'status':
      case 'usage':
      case 'turn.ended':
        return [];
      default:
        return event satisfies never;
    }
  }

  /** Guidance was accepted. */
  steered(text: string): RunEvent[] {
    this.#waiting.push(text);
    return this.#say({ event: 'run.steered', accepted: true });
  }

  /** A new process goes on with the run. */
  resumed(): RunEvent[] {
    return this.#say({ event: 'run.resumed' });
  }

  /** The recorded end. `stopped`: a client has asked for it. */
  finish(result: TurnResult, stopped: boolean): { readonly settled: Settled; readonly events: RunEvent[] } {
    const settled = this.#settle(result, stopped);
    this.#questions.clear();
    return { settled, events: [...this.#thought(), ...this.#say(lastOf(settled))] };
  }

  #settle(result: TurnResult, stopped: boolean): Settled {
    const error = result.error?.message ?? 'The run ended without an answer.';
    const waiting = this.#waiting.length === 0 ? {} : { pending_steer: this.#waiting.join('\n') };
    switch (result.status) {
      case 'interrupted':
        return stopped ? { status: 'cancelled' } : { status: 'interrupted', error };
      case 'failed':
        return { status: 'failed', error };
      case 'partial':
        if (result.text === '') return { status: 'failed', error };
        return {
          ...completed(result),
          incomplete_details: { reason: result.error?.code ?? result.exit },
          ...waiting,
        };
      case 'completed':
        return { ...completed(result), ...waiting };
      default:
        return result.status satisfies never;
    }
  }

  /** Reasoning that is complete. */
  #thought(): RunEvent[] {
    const text = this.#reasoning;
    this.#reasoning = '';
    return text.trim() === '' ? [] : this.#say({ event: 'reasoning.available', text });
  }

  #say(said: Said): RunEvent[] {
    this.#lastEvent = said.event;
    const { event, ...fields } = said;
    const timestamp = this.#options.now() / 1000;
    // Spread over a union, which the compiler does not follow; every member has these three.
    return [{ event, run_id: this.#options.run, timestamp, ...fields } as RunEvent];
  }
}

function completed(result: TurnResult): Settled {
  return { status: 'completed', output: result.text, usage: usageOf(result.usage) };
}

function lastOf({
  status,
  output = '',
  usage,
  error = lostRun,
  incomplete_details,
  pending_steer,
}: Settled): Said {
  switch (status) {
    case 'completed':
      return {
        event: 'run.completed',
        output,
        usage: usage ?? { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
        ...(incomplete_details === undefined ? {} : { incomplete_details }),
        ...(pending_steer === undefined ? {} : { pending_steer }),
      };
    case 'cancelled':
      return { event: 'run.cancelled' };
    case 'failed':
    case 'interrupted':
      return { event: 'run.failed', error };
    default:
      return status satisfies never;
  }
}

function questionOf({ id, command, why, keys, choices }: ApprovalQuestion): Question {
  return {
    request_id: id,
    command,
    description: why,
    pattern_key: keys[0] ?? '',
    pattern_keys: [...keys],
    choices: [...choices],
  };
}

function usageOf(usage: Usage): RunUsage {
  return {
    input_tokens: usage.input,
    output_tokens: usage.output,
    total_tokens: usage.input + usage.output,
  };
}
