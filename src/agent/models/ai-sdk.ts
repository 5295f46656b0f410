/**
 * One adapter from the AI SDK language-model interface (`doStream`) to our model events, for every wire format. The
 * stream never throws; text parts are forwarded as they come and nothing is parsed or validated a second time.
 */
import type {
  LanguageModelV4,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from '@ai-sdk/provider';
import type { Clock } from '../../core/clock.ts';
import { noUsage, type ProviderMeta, type ToolCall, type Usage } from '../../core/message.ts';
import type { Model, ModelCall, ModelEvent } from '../contract.ts';
import type { Block, Opaque } from './convert.ts';
import { cut, failureOf, malformedCode } from './failure.ts';
import { callOptions, timeoutsOf } from './request.ts';
import { type Endpoint, keyless } from './resolve.ts';
import { scrubber } from './scrub.ts';
import { watch } from './watch.ts';
import { refusedWishes, worded } from './wishes.ts';

/** Opens the provider package; called once, when the first call is made. */
export type OpenLanguageModel = () => Promise<LanguageModelV4>;

export function endpointModel(endpoint: Endpoint, clock: Clock, open: OpenLanguageModel): Model {
  let opened: Promise<LanguageModelV4> | undefined;
  const language = () => {
    // A package that failed to load is tried again with the next call.
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    name: endpoint.model,
    provider: endpoint.provider,
    isDemo: false,
    vision: endpoint.vision,
    stream: (call, signal) => stream(call, signal, endpoint, clock, language),
  };
}

type Finish = Extract<LanguageModelV4StreamPart, { type: 'finish' }>;

async function* stream(
  call: ModelCall,
  signal: AbortSignal,
  endpoint: Endpoint,
  clock: Clock,
  language: OpenLanguageModel,
): AsyncGenerator<ModelEvent> {
  const issuer = `${endpoint.provider} ${endpoint.baseUrl}`;
  const guard = watch(clock, signal, timeoutsOf(call, endpoint));
  const scrub = scrubber();
  const blocks = new Blocks();
  let openCalls = 0;
  let finish: Finish | undefined;
  let reader: ReadableStreamDefaultReader<LanguageModelV4StreamPart> | undefined;
  const failed = (error: unknown): ModelEvent => ({
    type: 'error',
    failure: failureOf(error, {
      secrets: endpoint.apiKey === keyless ? [] : [endpoint.apiKey],
      signal,
      now: clock.now(),
      inToolCall: openCalls > 0,
    }),
  });

  try {
    signal.throwIfAborted();
    const model = await language();
    const { call: spoken, note } = worded(call, endpoint.mode);
    if (note !== undefined) yield { type: 'warning', text: note };
    const result = await model.doStream(callOptions(spoken, endpoint, issuer, guard.signal));
    reader = result.stream.getReader();
    for (;;) {
      const { done, value: part } = await reader.read();
      if (done) break;
      switch (part.type) {
        case 'text-delta': {
          guard.content();
          blocks.add('text', part.id, part.delta, part.providerMetadata);
          const { text, reasoning } = scrub.push(part.delta);
          if (reasoning !== '') yield { type: 'reasoning', text: reasoning };
          if (text !== '') yield { type: 'text', text };
          break;
        }
        case 'reasoning-delta':
          guard.content();
          blocks.add('reasoning', part.id, part.delta, part.providerMetadata);
          if (part.delta !== '') yield { type: 'reasoning', text: part.delta };
          break;
        case 'text-start':
        case 'text-end':
          blocks.add('text', part.id, '', part.providerMetadata);
          break;
        case 'reasoning-start':
        case 'reasoning-end':
          blocks.add('reasoning', part.id, '', part.providerMetadata);
          break;
        case 'stream-start':
          for (const text of refusedWishes(part.warnings, spoken)) yield { type: 'warning', text };
          break;
        case 'tool-input-start':
          guard.content();
          openCalls++;
          break;
        case 'tool-input-delta':
          guard.content();
          break;
        case 'tool-call':
          openCalls = Math.max(0, openCalls - 1);
          yield { type: 'tool-call', call: toolCall(part, issuer) };
          break;
        case 'finish':
          finish = part;
          break;
        case 'error':
          yield failed(part.error);
          return;
        default:
          // Sources, files and response metadata are not part of the conversation.
          break;
      }
    }
    const rest = scrub.end();
    if (rest.text !== '') yield { type: 'text', text: rest.text };
    yield ended(finish, blocks, issuer, openCalls > 0);
  } catch (error) {
    // A time-out surfaces as whatever the broken pipe threw; the guard's reason says what it was.
    yield failed(guard.signal.aborted ? guard.signal.reason : error);
  } finally {
    guard.stop();
    reader?.cancel().catch(() => {});
  }
}

function ended(finish: Finish | undefined, blocks: Blocks, issuer: string, inToolCall: boolean): ModelEvent {
  const reason = finish?.finishReason.unified;
  if (finish === undefined || reason === undefined || reason === 'interrupted') {
    return { type: 'error', failure: cut({ inToolCall }) };
  }
  if (reason === 'error') {
    const message = `The provider ended the answer with the reason "${finish.finishReason.raw ?? 'error'}".`;
    return { type: 'error', failure: { code: malformedCode, message } };
  }
  const details = finish.providerMetadata?.['reasoningDetails']?.['list'];
  const opaque: Opaque = {
    ...blocks.opaque(),
    ...(Array.isArray(details) && { reasoningDetails: details }),
  };
  const meta: ProviderMeta | undefined =
    Object.keys(opaque).length > 0 ? { provider: issuer, data: opaque } : undefined;
  return { type: 'finish', reason, usage: usageOf(finish.usage), ...(meta && { meta }) };
}

function toolCall(part: Extract<LanguageModelV4StreamPart, { type: 'tool-call' }>, issuer: string): ToolCall {
  const data = withoutItemIds(part.providerMetadata);
  return {
    id: part.toolCallId,
    name: part.toolName,
    arguments: part.input,
    ...(data && { meta: { provider: issuer, data } }),
  };
}

/** Calls are paired by `call_id`; the vendor's item id leads nowhere, because nothing is stored there. */
function withoutItemIds(
  metadata: SharedV4ProviderMetadata | undefined,
): SharedV4ProviderMetadata | undefined {
  if (metadata === undefined) return undefined;
  const kept = Object.entries(metadata).flatMap(([name, { itemId: _id, ...fields }]) =>
    Object.keys(fields).length > 0 ? [[name, fields] as const] : [],
  );
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

/** Input is the whole prompt, cached tokens included (agent-runtime §21 case 26). */
function usageOf({ inputTokens, outputTokens }: LanguageModelV4Usage): Usage {
  return {
    ...noUsage,
    input: inputTokens.total ?? 0,
    output: outputTokens.total ?? 0,
    cacheRead: inputTokens.cacheRead ?? 0,
    cacheWrite: inputTokens.cacheWrite ?? 0,
    reasoning: outputTokens.reasoning ?? 0,
  };
}

interface OpenBlock {
  readonly type: 'text' | 'reasoning';
  readonly id: string;
  readonly pieces: string[];
  options: SharedV4ProviderMetadata | undefined;
}

/** The content blocks of one answer in order, kept for those that carry something opaque. */
class Blocks {
  readonly #all: OpenBlock[] = [];
  #last: OpenBlock | undefined;

  add(
    type: OpenBlock['type'],
    id: string,
    piece: string,
    metadata: SharedV4ProviderMetadata | undefined,
  ): void {
    let block = this.#last;
    if (block?.id !== id || block.type !== type) {
      block = this.#all.findLast((candidate) => candidate.type === type && candidate.id === id);
      if (block === undefined) {
        block = { type, id, pieces: [], options: undefined };
        this.#all.push(block);
      }
      this.#last = block;
    }
    if (piece !== '') block.pieces.push(piece);
    if (metadata !== undefined) block.options = mergedMetadata(block.options, metadata);
  }

  opaque(): Opaque {
    const kept = this.#all.filter((block) => block.options !== undefined || block.type === 'text');
    if (kept.every((block) => block.options === undefined)) return {};
    const onlyText = kept.filter((block) => block.type === 'text').length === 1;
    return {
      blocks: kept.map((block): Block => {
        const text = block.pieces.join('');
        if (block.type === 'reasoning') return { type: 'reasoning', text, options: block.options ?? {} };
        return { type: 'text', ...(!onlyText && { text }), ...(block.options && { options: block.options }) };
      }),
    };
  }
}

/** Later values win, except that a null never hides what an earlier part brought. */
function mergedMetadata(
  before: SharedV4ProviderMetadata | undefined,
  next: SharedV4ProviderMetadata,
): SharedV4ProviderMetadata {
  const out: SharedV4ProviderMetadata = { ...before };
  for (const [name, fields] of Object.entries(next)) {
    const known = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
    out[name] = { ...out[name], ...Object.fromEntries(known) };
  }
  return out;
}
