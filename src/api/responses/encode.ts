/** Agent events in, response events out (api-server §7.2 and §7.3, Open Responses §8). Knows no transport. */
import type { AgentEvent, TurnResult } from '../../core/agent-event.ts';
import type { ToolCall } from '../../core/message.ts';
import type { ResponseEvent, Unnumbered } from './events.ts';
import { itemIdOf } from './references.ts';
import { replayOf } from './replay.ts';
import {
  type ItemStatus,
  type OutputItem,
  type ResponseEcho,
  type ResponseObject,
  started,
  usageOf,
} from './resource.ts';
import { sealThoughts } from './thoughts.ts';
import { singleItem, type ToolCallFacts, type ToolEnd, type ToolItems, trimmed } from './tool-items.ts';
import { judge } from './verdict.ts';

export interface EncoderOptions {
  readonly echo: ResponseEcho;
  readonly toolItems: ToolItems;
  /** Thoughts are shown. */
  readonly reasoning: boolean;
  /** Tool outputs as part lists, and shortened in the last event, as documented for streams. */
  readonly streamed: boolean;
  /** An `error` event stands before `response.failed`: in SSE streams, not on a socket (Open Responses §9, §17.9). */
  readonly errorEvent: boolean;
  /** Said when the agent said nothing; default: a sentence of our own. */
  readonly nothing?: string;
  /** Said before anything happens; part of `warnings`. */
  readonly notes?: readonly string[] | undefined;
  /** Tools the caller runs itself. */
  readonly clientTools: ReadonlySet<string>;
  /** Closes what only this server may read; present when the caller wants its reasoning back in that form. */
  readonly seal?: ((text: string) => string) | undefined;
}

/** `cancelled`: a client asked for the end. */
export interface End {
  readonly cancelled: boolean;
  /** Unix seconds. */
  readonly at: number;
}

interface Text {
  readonly index: number;
  readonly id: string;
  text: string;
}

interface RunningTool {
  /** The model's id; two tools that run may share one. */
  readonly call: string;
  readonly facts: ToolCallFacts;
  /** Place of the item that is completed later; undefined for the pair, whose second item comes with the result. */
  readonly index: number | undefined;
}

const longestCallId = 64;
const silent = '(No response generated)';
const cutTool = 'The turn ended before this tool did.';

const partOf = (text: string) => ({ type: 'output_text' as const, text, annotations: [], logprobs: [] });

/** Events of one response, in the order open, event*, then finish or crash. */
export class ResponseEncoder {
  readonly #options: EncoderOptions;
  readonly #items: OutputItem[] = [];
  readonly #running: RunningTool[] = [];
  readonly #usedCallIds = new Set<string>();
  readonly #clientIds = new Map<string, string>();
  /** Items of tools the server ran; only they are shortened. */
  readonly #ofTools = new Set<number>();
  #message: Text | undefined;
  #thought: Text | undefined;
  /** Wishes that were not met. */
  readonly #warnings: string[];
  #lastText = '';
  #sequence = 0;
  #serial = 0;
  #sawWork = false;
  #current: ResponseObject;

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.#warnings = [...(options.notes ?? [])];
    this.#current = started(options.echo);
  }

  /** The response as it is now; complete once `finish` was called. */
  get response(): ResponseObject {
    if (this.#isOver) return this.#current;
    const output = [...this.#items];
    if (this.#message) output[this.#message.index] = messageItem(this.#message, 'in_progress', undefined);
    if (this.#thought) output[this.#thought.index] = thoughtItem(this.#thought);
    return { ...this.#current, output };
  }

  /** Ids that open calls of the caller's tools have on the wire, by the id the model gave them. */
  get clientIds(): ReadonlyMap<string, string> {
    return this.#clientIds;
  }

  /** Text of the last message, also of one that was cut off. */
  get text(): string {
    return this.#message?.text ?? this.#lastText;
  }

  open(): ResponseEvent[] {
    const response = this.#current;
    return this.#number([
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ]);
  }

  event(event: AgentEvent): ResponseEvent[] {
    if (this.#isOver) return [];
    switch (event.type) {
      case 'text.delta':
        this.#sawWork = true;
        return this.#number(this.#say(event.text));
      case 'reasoning.delta':
        this.#sawWork = true;
        return this.#options.reasoning ? this.#number(this.#think(event.text)) : [];
      case 'segment.end':
        return this.#number(
          this.#options.toolItems === 'none' ? [] : this.#closeTexts('completed', 'commentary'),
        );
      case 'tool.started':
        this.#sawWork = true;
        return this.#number(this.#startTool(event));
      case 'tool.completed':
        return this.#number(
          this.#endTool(event.call, {
            text: event.result,
            isError: event.isError,
            isCut: false,
            ms: event.ms,
          }),
        );
      // The end comes from the recorded result, which also has the usage.
      case 'turn.started':
      case 'turn.ended':
      case 'usage':
      case 'approval.requested':
      case 'approval.answered':
      case 'steered':
        return [];
      case 'status':
        if (event.kind === 'warning') this.#warnings.push(event.text);
        return [];
      default:
        return event satisfies never;
    }
  }

  /** The recorded end. A turn that nobody watched is told from its messages. */
  finish(result: TurnResult, end: End): ResponseEvent[] {
    if (this.#isOver) return [];
    const before = this.#sawWork ? [] : replayOf(result).flatMap((event) => this.event(event));
    const { streamed } = this.#options;
    const verdict = judge(result, end.cancelled);
    const calls = result.clientCalls ?? [];
    const events: Unnumbered[] = [];
    const text = result.text === '' ? (verdict.error?.message ?? '') : result.text;
    const missing =
      verdict.status === 'completed' && calls.length === 0 && text === ''
        ? (this.#options.nothing ?? silent)
        : text;
    const isCut = verdict.status === 'incomplete' || verdict.status === 'cancelled';
    const saysMore = this.#message === undefined && missing !== '' && missing !== this.#lastText.trim();
    events.push(...this.#cutTools(isCut && !saysMore));
    if (saysMore) events.push(...this.#say(missing));
    const phase =
      calls.length > 0 ? 'commentary' : verdict.status === 'completed' ? 'final_answer' : undefined;
    events.push(...this.#closeTexts(isCut ? 'incomplete' : 'completed', phase));
    if (calls.length > 0) events.push(...this.#sealThoughts(result, calls));
    for (const call of calls) events.push(...this.#ask(call));
    this.#current = {
      ...this.#current,
      ...verdict,
      completed_at: verdict.status === 'completed' ? end.at : null,
      output: this.#items.map((item, index) => (streamed && this.#ofTools.has(index) ? trimmed(item) : item)),
      usage: usageOf(result.usage),
      ...(this.#warnings.length === 0 ? {} : { warnings: this.#warnings }),
    };
    return [...before, ...this.#number([...events, ...this.#last()])];
  }

  /** The encoder or the writer failed: the response ends in the documented way with what there is. */
  crash(): ResponseEvent[] {
    if (this.#isOver) return [];
    const message = 'Internal server error while writing the response.';
    const closing = this.#closing();
    this.#current = {
      ...this.#current,
      status: 'failed',
      error: { type: 'server_error', code: 'server_error', message },
      output: this.#items.filter((item) => !('status' in item) || item.status !== 'in_progress'),
      usage: usageOf({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0 }),
    };
    return this.#number([...closing, ...this.#last()]);
  }

  /** What is open ends as far as the fault that is being answered leaves it possible. */
  #closing(): Unnumbered[] {
    try {
      return [...this.#cutTools(false), ...this.#closeTexts('completed')];
    } catch {
      this.#message = undefined;
      this.#thought = undefined;
      return [];
    }
  }

  get #isOver(): boolean {
    return this.#current.status !== 'in_progress';
  }

  #lifecycle(): Unnumbered {
    const response = this.#current;
    switch (response.status) {
      case 'completed':
        return { type: 'response.completed', response };
      case 'failed':
        return { type: 'response.failed', response };
      // Nobody's list of events has one for a cancellation; the status tells.
      case 'incomplete':
      case 'cancelled':
        return { type: 'response.incomplete', response };
      case 'in_progress':
        return { type: 'response.in_progress', response };
      default:
        return response.status satisfies never;
    }
  }

  /** The end of the stream. */
  #last(): Unnumbered[] {
    const { error } = this.#current;
    if (error === null || !this.#options.errorEvent) return [this.#lifecycle()];
    const fault = { ...error, param: null };
    const { type: _nested, ...flat } = fault;
    // The published event nests its facts, the official client's type has them side by side.
    return [{ type: 'error', ...flat, error: fault }, this.#lifecycle()];
  }

  #number(events: readonly Unnumbered[]): ResponseEvent[] {
    return events.map((event) => {
      const sequence_number = this.#sequence;
      this.#sequence += 1;
      return { ...event, sequence_number } as ResponseEvent;
    });
  }

  #id(prefix: string): string {
    this.#serial += 1;
    return itemIdOf(this.#options.echo.id, prefix, this.#serial);
  }

  /* ---- texts ---- */

  #say(delta: string): Unnumbered[] {
    // Between the texts of one turn stands a blank line; a message of its own does not begin with it.
    const text = this.#message === undefined ? delta.trimStart() : delta;
    if (text === '') return [];
    const events = this.#message === undefined ? this.#openMessage() : [];
    const { id, index } = this.#message!;
    this.#message!.text += text;
    const at = { item_id: id, output_index: index, content_index: 0 };
    return [...events, { type: 'response.output_text.delta', ...at, delta: text, logprobs: [] }];
  }

  #openMessage(): Unnumbered[] {
    const events = this.#closeThought();
    this.#message = { index: this.#items.length, id: this.#id('msg'), text: '' };
    const { id, index } = this.#message;
    const item: OutputItem = { type: 'message', id, status: 'in_progress', role: 'assistant', content: [] };
    this.#items.push(item);
    return [
      ...events,
      { type: 'response.output_item.added', output_index: index, item },
      {
        type: 'response.content_part.added',
        item_id: id,
        output_index: index,
        content_index: 0,
        part: partOf(''),
      },
    ];
  }

  #closeTexts(status: ItemStatus, phase?: 'commentary' | 'final_answer'): Unnumbered[] {
    const events = this.#closeThought();
    const message = this.#message;
    if (message === undefined) return events;
    this.#message = undefined;
    this.#lastText = message.text;
    const { id, index, text } = message;
    const item = messageItem(message, status, phase);
    this.#items[index] = item;
    const at = { item_id: id, output_index: index, content_index: 0 };
    return [
      ...events,
      { type: 'response.output_text.done', ...at, text, logprobs: [] },
      { type: 'response.content_part.done', ...at, part: partOf(text) },
      { type: 'response.output_item.done', output_index: index, item },
    ];
  }

  #think(delta: string): Unnumbered[] {
    if (delta === '') return [];
    const events: Unnumbered[] = [];
    if (this.#thought === undefined) {
      events.push(...this.#closeTexts('completed'));
      this.#thought = { index: this.#items.length, id: this.#id('rs'), text: '' };
      const { id, index } = this.#thought;
      const item: OutputItem = { type: 'reasoning', id, summary: [] };
      this.#items.push(item);
      events.push(
        { type: 'response.output_item.added', output_index: index, item },
        {
          type: 'response.reasoning_summary_part.added',
          item_id: id,
          output_index: index,
          summary_index: 0,
          part: { type: 'summary_text', text: '' },
        },
      );
    }
    const { id, index } = this.#thought;
    this.#thought.text += delta;
    const at = { item_id: id, output_index: index, summary_index: 0 };
    return [...events, { type: 'response.reasoning_summary_text.delta', ...at, delta }];
  }

  #closeThought(): Unnumbered[] {
    const thought = this.#thought;
    if (thought === undefined) return [];
    this.#thought = undefined;
    const { id, index, text } = thought;
    const sealed = this.#options.seal?.(sealThoughts({ reasoning: text }));
    const item = thoughtItem(thought, sealed);
    this.#items[index] = item;
    const at = { item_id: id, output_index: index, summary_index: 0 };
    return [
      { type: 'response.reasoning_summary_text.done', ...at, text },
      { type: 'response.reasoning_summary_part.done', ...at, part: { type: 'summary_text', text } },
      { type: 'response.output_item.done', output_index: index, item },
    ];
  }

  /* ---- tools ---- */

  #startTool(event: Extract<AgentEvent, { type: 'tool.started' }>): Unnumbered[] {
    const { toolItems, clientTools } = this.#options;
    const { call, name, arguments: args } = event;
    // The caller's own calls come with the result, once they are certain to be left to the caller.
    if (toolItems === 'none' || call === '' || name.startsWith('_') || clientTools.has(name)) return [];
    const events = this.#closeTexts('completed', 'commentary');
    const index = this.#items.length;
    this.#ofTools.add(index);
    const prefix = { function_call: 'fc', 'hermes:tool_call': 'htc', mcp_call: 'mcp' }[toolItems];
    const facts = { id: this.#id(prefix), call_id: this.#callId(call), name, arguments: args };
    if (toolItems !== 'function_call') {
      const item = singleItem(toolItems, facts);
      this.#items.push(item);
      this.#running.push({ call, facts, index });
      return [...events, { type: 'response.output_item.added', output_index: index, item }];
    }
    const item: OutputItem = { type: 'function_call', ...facts, status: 'completed' };
    this.#items.push(item);
    this.#running.push({ call, facts, index: undefined });
    return [
      ...events,
      { type: 'response.output_item.added', output_index: index, item: { ...item, status: 'in_progress' } },
      {
        type: 'response.function_call_arguments.done',
        item_id: facts.id,
        output_index: index,
        name,
        arguments: args,
      },
      { type: 'response.output_item.done', output_index: index, item },
    ];
  }

  #endTool(call: string, end: ToolEnd): Unnumbered[] {
    const at = this.#running.findIndex((tool) => tool.call === call);
    const running = this.#running[at];
    if (running === undefined) return [];
    this.#running.splice(at, 1);
    const { toolItems, streamed } = this.#options;
    if (running.index !== undefined && toolItems !== 'function_call' && toolItems !== 'none') {
      const item = singleItem(toolItems, running.facts, end);
      this.#items[running.index] = item;
      return [{ type: 'response.output_item.done', output_index: running.index, item }];
    }
    const events = this.#closeTexts('completed', 'commentary');
    const index = this.#items.length;
    this.#ofTools.add(index);
    const item: OutputItem = {
      type: 'function_call_output',
      id: this.#id('fco'),
      call_id: running.facts.call_id,
      output: streamed ? [{ type: 'input_text', text: end.text }] : end.text,
      status: end.isCut ? 'incomplete' : 'completed',
    };
    this.#items.push(item);
    return [
      ...events,
      { type: 'response.output_item.added', output_index: index, item },
      { type: 'response.output_item.done', output_index: index, item },
    ];
  }

  /**
   * Ends the tools that still ran. Only the last item of a response may be incomplete (Open Responses §6): `lastIsCut`
   * says that nothing comes after them and that the response is incomplete.
   */
  #cutTools(lastIsCut: boolean): Unnumbered[] {
    return [...this.#running].flatMap(({ call, index }, i, all) => {
      const isLast = index === undefined ? i === all.length - 1 : index === this.#items.length - 1;
      const isCut = lastIsCut && this.#message === undefined && isLast;
      return this.#endTool(call, { text: cutTool, isError: true, isCut });
    });
  }

  /** What the provider wants back together with these calls, for callers that keep the conversation themselves. */
  #sealThoughts({ messages }: TurnResult, calls: readonly ToolCall[]): Unnumbered[] {
    const { seal } = this.#options;
    const asker = messages.findLast((message) => message.role === 'assistant');
    const metas = calls.map(({ meta }) => meta ?? null);
    if (seal === undefined || asker === undefined) return [];
    if (asker.meta === undefined && metas.every((meta) => meta === null)) return [];
    const { meta, reasoning } = asker;
    const encrypted_content = seal(sealThoughts({ reasoning, meta, calls: metas }));
    const index = this.#items.length;
    const item: OutputItem = { type: 'reasoning', id: this.#id('rs'), summary: [], encrypted_content };
    this.#items.push(item);
    return [
      { type: 'response.output_item.added', output_index: index, item },
      { type: 'response.output_item.done', output_index: index, item },
    ];
  }

  /** An open call of the caller's own tool. */
  #ask(call: ToolCall): Unnumbered[] {
    const index = this.#items.length;
    const args = call.arguments.trim() === '' ? '{}' : call.arguments;
    const id = this.#id('fc');
    const call_id = this.#callId(call.id);
    this.#clientIds.set(call.id, call_id);
    const facts = { type: 'function_call' as const, id, call_id, name: call.name };
    const item: OutputItem = { ...facts, arguments: args, status: 'completed' };
    this.#items.push(item);
    const at = { item_id: id, output_index: index };
    return [
      {
        type: 'response.output_item.added',
        output_index: index,
        item: { ...facts, arguments: '', status: 'in_progress' },
      },
      { type: 'response.function_call_arguments.delta', ...at, delta: args },
      { type: 'response.function_call_arguments.done', ...at, name: call.name, arguments: args },
      { type: 'response.output_item.done', output_index: index, item },
    ];
  }

  /** The model's id where clients can take it: some servers start again at call_0 with every message. */
  #callId(id: string): string {
    const usable = id !== '' && id.length <= longestCallId && !this.#usedCallIds.has(id);
    const own = this.#options.echo.id.replace(/^resp_/, '');
    const call = usable ? id : `call_${own}_${this.#usedCallIds.size}`;
    this.#usedCallIds.add(call);
    return call;
  }
}

function messageItem(
  { id, text }: Text,
  status: ItemStatus,
  phase: 'commentary' | 'final_answer' | undefined,
): OutputItem {
  return {
    type: 'message',
    id,
    status,
    role: 'assistant',
    ...(phase === undefined ? {} : { phase }),
    content: [partOf(text)],
  };
}

function thoughtItem({ id, text }: Text, encrypted_content?: string): OutputItem {
  return {
    type: 'reasoning',
    id,
    summary: [{ type: 'summary_text', text }],
    ...(encrypted_content === undefined ? {} : { encrypted_content }),
  };
}
