/** Tool choice and answer format for the language-model interface, and which wishes of a caller a model refuses. */
import type { LanguageModelV4CallOptions, SharedV4ProviderOptions, SharedV4Warning } from '@ai-sdk/provider';
import type { ModelCall, ToolChoice } from '../contract.ts';
import { inWords } from '../format.ts';
import { toCaller } from '../wording.ts';
import type { Mode } from './registry.ts';

type Options = LanguageModelV4CallOptions;

/** `allowed` is enforced by what is offered, so only its force is left here. */
export function toolChoiceOf(choice: ToolChoice | undefined): NonNullable<Options['toolChoice']> {
  switch (choice?.type) {
    case 'tool':
      return { type: 'tool', toolName: choice.name };
    case 'allowed':
      return { type: choice.required ? 'required' : 'auto' };
    default:
      return { type: choice?.type ?? 'auto' };
  }
}

export interface Worded {
  /** The call as it goes out: a format the wire has no field for is asked for in its system text. */
  readonly call: ModelCall;
  readonly note?: string;
}

/**
 * A free JSON object has no field on the Anthropic wire and excludes tools on the Google wire; OpenAI wants the word
 * JSON somewhere in the conversation beside the field, so the words go out there as well.
 */
export function worded(call: ModelCall, mode: Mode): Worded {
  if (call.responseFormat?.type !== 'json_object') return { call };
  const spoken = inWords(call);
  const hasField = mode === 'google' ? call.tools.length === 0 : mode !== 'anthropic';
  return hasField
    ? { call: { ...spoken, responseFormat: call.responseFormat } }
    : { call: spoken, note: toCaller.formatByWords };
}

export function formatOf({ responseFormat }: ModelCall): Pick<Options, 'responseFormat'> {
  switch (responseFormat?.type) {
    case undefined:
    case 'text':
      return {};
    case 'json_object':
      return { responseFormat: { type: 'json' } };
    case 'json_schema': {
      const { name, schema, description } = responseFormat;
      return {
        responseFormat: { type: 'json', name, schema, ...(description !== undefined && { description }) },
      };
    }
    default:
      return responseFormat satisfies never;
  }
}

/** What the interface has no common field for. `chat` is the name the chat package reads its options under. */
export function wireOptions(call: ModelCall, mode: Mode, chat: string): SharedV4ProviderOptions | undefined {
  const { responseFormat, sampling } = call;
  const strictJsonSchema =
    responseFormat?.type === 'json_schema' ? { strictJsonSchema: responseFormat.strict ?? false } : {};
  const oneByOne = sampling?.parallelToolCalls === false && call.tools.length > 0;
  switch (mode) {
    case 'chat':
      return { [chat]: { ...strictJsonSchema, ...(oneByOne && { parallel_tool_calls: false }) } };
    case 'responses':
      return {
        openai: {
          ...strictJsonSchema,
          store: false,
          include: ['reasoning.encrypted_content'],
          reasoningSummary: 'auto',
          promptCacheKey: call.session,
          ...(call.tools.length > 0 && { parallelToolCalls: !oneByOne }),
          ...(call.system !== '' && { instructions: call.system }),
        },
      };
    case 'anthropic':
      return oneByOne ? { anthropic: { disableParallelToolUse: true } } : undefined;
    // Calls beyond the first are dropped by the loop.
    case 'google':
      return undefined;
    default:
      return mode satisfies never;
  }
}

/** Features of the interface by the names callers know them under. */
const wishes: Readonly<Record<string, (call: ModelCall) => string | undefined>> = {
  temperature: ({ sampling }) => (sampling?.temperature === undefined ? undefined : 'temperature'),
  topP: ({ sampling }) => (sampling?.topP === undefined ? undefined : 'top_p'),
  stopSequences: ({ sampling }) => (sampling?.stop === undefined ? undefined : 'stop'),
  seed: ({ sampling }) => (sampling?.seed === undefined ? undefined : 'seed'),
  presencePenalty: ({ sampling }) =>
    sampling?.presencePenalty === undefined ? undefined : 'presence_penalty',
  frequencyPenalty: ({ sampling }) =>
    sampling?.frequencyPenalty === undefined ? undefined : 'frequency_penalty',
  responseFormat: ({ responseFormat }) => (responseFormat === undefined ? undefined : 'response_format'),
  toolChoice: ({ toolChoice }) => (toolChoice === undefined ? undefined : 'tool_choice'),
};

/** Sentences about wishes of this call that the model does not take; other notes of a package are its own business. */
export function refusedWishes(warnings: readonly SharedV4Warning[], call: ModelCall): string[] {
  return warnings.flatMap((warning) => {
    if (warning.type !== 'unsupported' && warning.type !== 'compatibility') return [];
    const wish = Object.hasOwn(wishes, warning.feature) ? wishes[warning.feature]?.(call) : undefined;
    return wish === undefined ? [] : [toCaller.refused(wish, warning.details)];
  });
}
