/** Tool calls of one message → a batch whose every item can run or carries the text that refuses it. */
import type { ToolCall } from '../core/message.ts';
import type { Tool, ToolSchema } from './contract.ts';
import { coerce, readArguments, repairName } from './sanity.ts';
import { toModel } from './wording.ts';

export interface Prepared {
  readonly call: ToolCall;
  /** Absent when no such tool exists. */
  readonly tool?: Tool;
  readonly args: Readonly<Record<string, unknown>>;
  /** Result text instead of running. */
  readonly refusal?: string;
  /** A tool of the caller: never run here. */
  readonly client?: true;
}

interface Available {
  readonly tools: ReadonlyMap<string, Tool>;
  readonly schemas: readonly ToolSchema[];
  /** Names of the caller's tools. */
  readonly client: ReadonlySet<string>;
}

/** The call under the name of an existing tool where one was meant, with arguments that are never empty text. */
export function named(call: ToolCall, { tools, client }: Available): ToolCall {
  const isKnown = tools.has(call.name) || client.has(call.name);
  const name = isKnown ? call.name : (repairName(call.name, [...tools.keys(), ...client]) ?? call.name);
  return { ...call, name, arguments: call.arguments.trim() === '' ? '{}' : call.arguments };
}

export function prepared(call: ToolCall, { tools, schemas, client }: Available): Prepared {
  if (client.has(call.name)) return { call, args: {}, client: true };
  const tool = tools.get(call.name);
  if (tool === undefined)
    return { call, args: {}, refusal: toModel.unknownTool(call.name, [...tools.keys(), ...client]) };
  const read = readArguments(call.arguments);
  if (read.kind !== 'ok') {
    const why = read.kind === 'invalid' ? read.why : 'they end early';
    return { call, tool, args: {}, refusal: toModel.badArguments(why) };
  }
  const schema = schemas.find(({ name }) => name === tool.name);
  return { call, tool, args: schema === undefined ? read.value : coerce(read.value, schema) };
}

/** One call that cannot run holds back its siblings: the model may have meant them to go together. */
export function withSiblings(batch: readonly Prepared[]): readonly Prepared[] {
  const bad = batch.flatMap(({ call, refusal }) => (refusal === undefined ? [] : [call.name]));
  if (bad.length === 0) return batch;
  const refusal = toModel.skipped(bad.join(', '));
  return batch.map((item) => (item.refusal === undefined ? { ...item, refusal } : item));
}

/** Left to the caller, unless a sibling holds it back. */
export function isOpen({ client, refusal }: Prepared): boolean {
  return client === true && refusal === undefined;
}
