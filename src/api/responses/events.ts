import { z } from 'zod';
import { outputItem, outputText, responseShape } from './resource.ts';

const at = { item_id: z.string(), output_index: z.int() };
const inContent = { ...at, content_index: z.int() };
const inSummary = { ...at, summary_index: z.int() };
const noLogprobs = { logprobs: z.array(z.unknown()).max(0) };
const summaryPart = z.object({ type: z.literal('summary_text'), text: z.string() });

const fault = { code: z.string(), message: z.string(), param: z.null() };

const lifecycle = <T extends string>(type: T) =>
  z.object({ type: z.literal(type), sequence_number: z.int(), response: responseShape });
const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.object({ type: z.literal(type), sequence_number: z.int(), ...shape });

/** Every event of a stream; numbers start at 0 and grow by one (Open Responses §8). */
export const responseEvent = z.discriminatedUnion('type', [
  lifecycle('response.created'),
  lifecycle('response.in_progress'),
  lifecycle('response.completed'),
  lifecycle('response.failed'),
  lifecycle('response.incomplete'),
  event('response.output_item.added', { output_index: z.int(), item: outputItem }),
  event('response.output_item.done', { output_index: z.int(), item: outputItem }),
  event('response.content_part.added', { ...inContent, part: outputText }),
  event('response.content_part.done', { ...inContent, part: outputText }),
  event('response.output_text.delta', { ...inContent, delta: z.string(), ...noLogprobs }),
  event('response.output_text.done', { ...inContent, text: z.string(), ...noLogprobs }),
  event('response.function_call_arguments.delta', { ...at, delta: z.string() }),
  event('response.function_call_arguments.done', { ...at, name: z.string(), arguments: z.string() }),
  event('response.reasoning_summary_part.added', { ...inSummary, part: summaryPart }),
  event('response.reasoning_summary_part.done', { ...inSummary, part: summaryPart }),
  event('response.reasoning_summary_text.delta', { ...inSummary, delta: z.string() }),
  event('response.reasoning_summary_text.done', { ...inSummary, text: z.string() }),
  event('error', { ...fault, error: z.object({ type: z.string(), ...fault }) }),
]);

export type ResponseEvent = z.output<typeof responseEvent>;
/** An event that has not got its number. */
export type Unnumbered = ResponseEvent extends infer E
  ? E extends unknown
    ? Omit<E, 'sequence_number'>
    : never
  : never;
