import type { AgentEvent, TurnResult } from '../../core/agent-event.ts';
import type { ToolCall } from '../../core/message.ts';
import type { ChatIdentity } from './completion.ts';
import type { FinishReason } from './schema.ts';
import { judge, usageOf } from './verdict.ts';

export interface ChunkOptions {
  /** `stream_options.include_usage`: usage in a chunk of its own. */
  readonly includeUsage: boolean;
  readonly toolProgress: boolean;
  readonly reasoning: boolean;
  /** The request spoke of functions: one call, in the older form. */
  readonly legacy: boolean;
  /** Said when the agent said nothing and asked for nothing; then failures are told in words, too. */
  readonly nothing?: string;
}

/** Frames of one answer, in the order open, event*, then finish or crash. Every method answers whole SSE frames or ''. */
export interface ChunkEncoder {
  /** The role chunk, due before the agent has produced anything. */
  open(): string;
  event(event: AgentEvent): string;
  /** The recorded end of the turn. */
  finish(result: TurnResult): string;
  /** The writer itself failed: ends the stream in a way every client understands. */
  crash(): string;
}

const done = 'data: [DONE]\n\n';

/** Characters of arguments per chunk: lines stay small for readers with a bounded buffer (openclaw-http §8.6). */
const fragmentLength = 256;
/** Characters of text per chunk: with everything escaped a line still stays below 64 KiB (openclaw-http §18 item 5). */
const longestContent = 8_192;

/** Encodes agent events as chat completion chunks (api-server §6.3). */
export function chunkEncoder(identity: ChatIdentity, options: ChunkOptions): ChunkEncoder {
  const { id, created, model } = identity;
  const base = { id, object: 'chat.completion.chunk', created, model };
  const frame = (data: object) => `data: ${JSON.stringify({ ...base, ...data })}\n\n`;
  const delta = (value: object, finish: FinishReason | null = null) => ({
    choices: [{ index: 0, delta: value, finish_reason: finish }],
  });
  /** Official SDKs hand every `data:` line to the caller as a chunk, so named events wear its envelope. */
  const named = (name: string, data: object) => `event: ${name}\n${frame({ ...delta({}), ...data })}`;
  // A token costs one stringify of its own text: everything around it is the same for the whole stream.
  const sample = frame(delta({ content: '' }));
  const gap = sample.lastIndexOf('""');
  const contentHead = sample.slice(0, gap);
  const contentTail = sample.slice(gap + 2);
  const piece = (text: string) => contentHead + JSON.stringify(text) + contentTail;
  const content = (text: string) =>
    text.length <= longestContent ? piece(text) : split(text, longestContent).map(piece).join('');

  /** One call: its name first, then its arguments piece by piece. */
  const call = ({ id, name, arguments: args }: ToolCall, index: number): string => {
    const piece = (value: object) =>
      frame(delta(options.legacy ? { function_call: value } : { tool_calls: [{ index, function: value }] }));
    const start = { name, arguments: '' };
    const first = options.legacy
      ? piece(start)
      : frame(delta({ tool_calls: [{ index, id, type: 'function', function: start }] }));
    return (
      first +
      split(args, fragmentLength)
        .map((text) => piece({ arguments: text }))
        .join('')
    );
  };

  const running = new Set<string>();
  const warnings: string[] = [];
  let hasContent = false;
  const wordsFor = (error: string | undefined) =>
    options.nothing === undefined || error === undefined ? (options.nothing ?? '') : `Error: ${error}`;

  return {
    open: () => frame(delta({ role: 'assistant' })),

    event(event) {
      switch (event.type) {
        case 'text.delta':
          if (event.text === '') return '';
          hasContent = true;
          return content(event.text);
        case 'reasoning.delta':
          return options.reasoning && event.text !== ''
            ? frame(delta({ reasoning_content: event.text }))
            : '';
        case 'tool.started':
          if (!options.toolProgress || event.call === '' || event.name.startsWith('_')) return '';
          running.add(event.call);
          return named('hermes.tool.progress', {
            tool: event.name,
            emoji: event.emoji,
            label: event.preview === '' ? event.name : event.preview,
            toolCallId: event.call,
            status: 'running',
          });
        case 'tool.completed':
          if (!running.delete(event.call)) return '';
          return named('hermes.tool.progress', {
            tool: event.name,
            toolCallId: event.call,
            status: 'completed',
          });
        case 'status':
          if (event.kind === 'warning') warnings.push(event.text);
          return options.toolProgress ? named('hermes.status', { kind: event.kind, text: event.text }) : '';
        // A segment border must not end the stream; the end comes from the recorded result, which also has the usage.
        case 'turn.started':
        case 'segment.end':
        case 'usage':
        case 'turn.ended':
        case 'approval.requested':
        case 'approval.answered':
        case 'steered':
          return '';
        default:
          return event satisfies never;
      }
    },

    finish(result) {
      const { finish, outcome } = judge(result, options.legacy);
      const calls = result.clientCalls ?? [];
      const usage = usageOf(result.usage);
      const last = result.text || (calls.length === 0 ? wordsFor(outcome?.error ?? undefined) : '');
      // A truthy `error` makes SDKs throw away what they have, so a cut answer does not carry one.
      const error =
        finish === 'error'
          ? { error: { message: outcome?.error ?? 'The turn failed.', type: 'server_error' } }
          : {};
      return [
        !hasContent && last !== '' ? content(last) : '',
        ...(options.legacy ? calls.slice(0, 1) : calls).map(call),
        frame({
          ...delta({}, finish),
          ...(options.includeUsage ? {} : { usage }),
          ...(warnings.length === 0 ? {} : { warnings }),
          ...error,
          ...(outcome === undefined ? {} : { hermes: outcome }),
        }),
        options.includeUsage ? frame({ choices: [], usage }) : '',
        done,
      ].join('');
    },

    crash: () =>
      frame({
        ...delta({}, 'error'),
        error: { message: 'Internal server error while writing the stream.', type: 'server_error' },
      }) + done,
  };
}

/** Pieces of at most `length` characters that never tear a surrogate pair. */
function split(text: string, length: number): string[] {
  const out: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + length, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    out.push(text.slice(at, end));
    at = end;
  }
  return out;
}
