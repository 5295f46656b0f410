/** `hermes chat`: the agent in the terminal. */
import { createInterface, type Interface } from 'node:readline';
import type { AgentEvent, TurnResult } from '../core/agent-event.ts';
import { systemClock } from '../core/clock.ts';
import { say } from '../texts/say.ts';
import { type Conversation, openConversation, type Question } from './conversation.ts';
import { exitCodes } from './failure.ts';
import type { Host, Place } from './host.ts';
import { harmless, line, type Style, styleFor } from './print.ts';

export interface ChatOptions {
  readonly query?: string;
  readonly session: string;
}

export async function chat(host: Host, place: Place, options: ChatOptions): Promise<number> {
  const conversation = await openConversation(host, place);
  if (typeof conversation === 'number') return conversation;
  const { session, query } = options;
  try {
    if (query !== undefined) return await askOnce(host, conversation, { session, text: query });
    return await new Chat(host, conversation, session).run();
  } finally {
    await conversation.close();
  }
}

/** The answer alone on stdout, everything else on stderr; exit code 1 when the turn failed. */
async function askOnce(host: Host, conversation: Conversation, question: Question): Promise<number> {
  const stop = new AbortController();
  const release = host.onSignal(() => stop.abort(new Error('stopped in the terminal')));
  try {
    const result = await conversation.ask(question, () => {}, stop.signal);
    if (result.text !== '') line(host.stdout, harmless(result.text));
    return report(host, result);
  } finally {
    release();
  }
}

function report(host: Host, result: TurnResult): number {
  if (result.status === 'completed') return exitCodes.ok;
  const style = styleFor(host, host.stderr);
  line(
    host.stderr,
    `${style.red('✗')} ${harmless(result.error?.message ?? `The turn ended: ${result.status}.`)}`,
  );
  return exitCodes.failed;
}

class Chat {
  readonly #host: Host;
  readonly #conversation: Conversation;
  readonly #style: Style;
  #session: string;
  #running: AbortController | undefined;
  /** True while the cursor stands behind text of an unfinished line. */
  #midLine = false;

  constructor(host: Host, conversation: Conversation, session: string) {
    this.#host = host;
    this.#conversation = conversation;
    this.#session = session;
    this.#style = styleFor(host, host.stdout);
  }

  async run(): Promise<number> {
    const { stdin, stdout } = this.#host;
    const who = this.#conversation.model === undefined ? '' : ` with ${this.#conversation.model}`;
    line(
      stdout,
      this.#style.dim(`Chat${who}. /new starts afresh, /exit ends it, Ctrl+C interrupts an answer.`),
    );
    const reader = createInterface({ input: stdin, output: stdout, terminal: stdin.isTTY === true });
    reader.setPrompt(`${this.#style.bold('›')} `);
    let open = true;
    reader.on('close', () => {
      open = false;
    });
    const interrupt = () => this.#interrupt(reader);
    reader.on('SIGINT', interrupt);
    const release = this.#host.onSignal(interrupt);
    try {
      reader.prompt();
      for await (const typed of reader) {
        const text = typed.trim();
        if (text === '/exit' || text === '/quit') break;
        if (text === '/new') {
          this.#session = freshSession();
          line(stdout, say('command.new.started'));
        } else if (text !== '') await this.#answer(text);
        // Input that ended during the answer still ends the loop by itself.
        if (open) reader.prompt();
      }
      return exitCodes.ok;
    } finally {
      release();
      reader.close();
    }
  }

  /** The first Ctrl+C ends the answer, one without an answer ends the chat. */
  #interrupt(reader: Interface): void {
    if (this.#running === undefined) reader.close();
    else this.#running.abort(new Error('stopped in the terminal'));
  }

  async #answer(text: string): Promise<void> {
    const { stdout } = this.#host;
    const running = new AbortController();
    this.#running = running;
    let written = false;
    const show = (event: AgentEvent) => {
      written ||= event.type === 'text.delta';
      this.#show(event);
    };
    try {
      const result = await this.#conversation.ask({ session: this.#session, text }, show, running.signal);
      if (!written && result.text !== '') stdout.write(harmless(result.text));
      this.#midLine ||= !written && result.text !== '';
      this.#endLine();
      if (result.status === 'interrupted') line(stdout, this.#style.dim('(interrupted)'));
      else if (result.status !== 'completed') report(this.#host, result);
    } catch (error) {
      this.#endLine();
      if (running.signal.aborted) line(stdout, this.#style.dim('(interrupted)'));
      else
        line(
          this.#host.stderr,
          `${this.#style.red('✗')} ${error instanceof Error ? error.message : String(error)}`,
        );
    } finally {
      this.#running = undefined;
    }
  }

  #show(event: AgentEvent): void {
    const { stdout } = this.#host;
    switch (event.type) {
      case 'text.delta': {
        const text = harmless(event.text);
        stdout.write(text);
        this.#midLine = text === '' ? this.#midLine : !text.endsWith('\n');
        return;
      }
      case 'tool.started':
        this.#endLine();
        line(stdout, this.#style.dim(`  ${event.emoji} ${event.name} ${harmless(event.preview)}`));
        return;
      case 'tool.completed':
        if (event.isError) line(stdout, this.#style.yellow(`  ✗ ${event.name} failed`));
        return;
      case 'status':
        this.#endLine();
        line(stdout, this.#style.dim(`  ${harmless(event.text)}`));
        return;
      case 'segment.end':
        this.#endLine();
        return;
      case 'reasoning.delta':
      case 'usage':
      case 'turn.started':
      case 'turn.ended':
      case 'approval.requested':
      case 'approval.answered':
      case 'steered':
        return;
      default:
        event satisfies never;
    }
  }

  #endLine(): void {
    if (this.#midLine) line(this.#host.stdout);
    this.#midLine = false;
  }
}

/** A transcript of its own for every `/new`. */
function freshSession(): string {
  return `cli-${systemClock.hex(6)}`;
}
