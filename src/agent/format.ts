/** Answer formats a model does not take, asked for in words. */
import type { ModelCall, ResponseFormat } from './contract.ts';
import { toModel } from './wording.ts';

/** The same call with its format as the last paragraph of the system text. */
export function inWords(call: ModelCall): ModelCall {
  const { responseFormat, ...rest } = call;
  const words = responseFormat && wordsFor(responseFormat);
  if (words === undefined) return rest;
  return { ...rest, system: [call.system, words].filter((text) => text !== '').join('\n\n') };
}

function wordsFor(format: ResponseFormat): string | undefined {
  switch (format.type) {
    case 'text':
      return undefined;
    case 'json_object':
      return toModel.json;
    case 'json_schema':
      return toModel.jsonSchema(JSON.stringify(format.schema));
    default:
      return format satisfies never;
  }
}
