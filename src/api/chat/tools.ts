import { z } from 'zod';
import type { ToolChoice, ToolSchema } from '../../agent/contract.ts';
import { badRequest } from '../errors.ts';

/** Limits of one request; the vendors behind have the same or tighter ones. */
const maxTools = 128;
const maxToolLength = 65_536;
const maxTotalLength = 524_288;

const name = z
  .string()
  .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, underscores or dashes');

const definition = z.object({
  name,
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish().describe('JSON Schema of an object.'),
  strict: z.boolean().nullish().describe('Passed on where the model takes it.'),
});
type Definition = z.output<typeof definition>;

const onlyFunctions = z.literal('function', { error: 'only function tools are supported' });
const reference = z.object({ type: onlyFunctions, function: z.object({ name }) });

export const toolFields = {
  tools: z
    .array(z.object({ type: onlyFunctions, function: definition }))
    .max(maxTools)
    .nullish()
    .describe(
      'Functions the caller runs itself. A call of one ends the answer with `tool_calls`; the next request brings the results. The tools of the server stay at hand beside them; an empty array asks for a turn without any tools.',
    ),
  tool_choice: z
    .union(
      [
        z.enum(['auto', 'none', 'required']),
        reference,
        z.object({
          type: z.literal('allowed_tools'),
          allowed_tools: z.object({
            mode: z.enum(['auto', 'required']),
            tools: z.array(reference).min(1).max(maxTools),
          }),
        }),
      ],
      { error: 'must be auto, none, required, a function or allowed_tools' },
    )
    .nullish()
    .describe('`none` means no tool of any kind, those of the server included.'),
  parallel_tool_calls: z
    .boolean()
    .nullish()
    .describe('false: at most one tool call per answer of the model.'),
  functions: z
    .array(definition)
    .max(maxTools)
    .nullish()
    .describe('The older form of `tools`; answered with `function_call`.'),
  function_call: z
    .union([z.enum(['auto', 'none']), z.object({ name })], { error: 'must be auto, none or {"name": …}' })
    .nullish()
    .describe('The older form of `tool_choice`.'),
};

const toolRequest = z.object(toolFields);
type Fields = z.output<typeof toolRequest>;

export interface ToolWishes {
  readonly clientTools: readonly ToolSchema[] | undefined;
  readonly toolChoice: ToolChoice | undefined;
  /** Empty = no tools for this turn; undefined = what the toolset gives. A request cannot name more. */
  readonly tools: readonly [] | undefined;
  readonly oneCallOnly: boolean;
  /** The request spoke of functions: so does the answer. */
  readonly legacy: boolean;
}

/** Checks what the schema cannot; throws 400 with the offending `param`. */
export function readTools(fields: Fields): ToolWishes {
  const legacy = (fields.functions ?? []).length > 0;
  if (legacy && (fields.tools ?? []).length > 0) {
    throw badRequest("Use either 'tools' or 'functions', not both.", { param: 'functions' });
  }
  const clientTools = legacy
    ? declared(fields.functions ?? [], (i) => `functions[${i}]`)
    : declared(
        (fields.tools ?? []).map((tool) => tool.function),
        (i) => `tools[${i}].function`,
      );
  const names = new Set(clientTools.map((tool) => tool.name));
  const toolChoice = legacy ? legacyChoice(fields, names) : choiceOf(fields, names);
  return {
    clientTools: clientTools.length > 0 ? clientTools : undefined,
    toolChoice,
    tools: fields.tools?.length === 0 ? [] : undefined,
    // The older form has room for one call.
    oneCallOnly: legacy || fields.parallel_tool_calls === false,
    legacy,
  };
}

function declared(definitions: readonly Definition[], at: (index: number) => string): ToolSchema[] {
  const names = new Set<string>();
  let total = 0;
  return definitions.map((given, index) => {
    const { parameters } = given;
    if (names.has(given.name)) {
      throw badRequest(`Tool names must be unique: '${given.name}' is declared twice.`, {
        param: `${at(index)}.name`,
      });
    }
    names.add(given.name);
    const length = JSON.stringify(given).length;
    total += length;
    if (length > maxToolLength || total > maxTotalLength) {
      const limit = `${maxToolLength} characters each, ${maxTotalLength} together`;
      throw badRequest(`The tool definitions are too large (${limit}).`, { param: at(index) });
    }
    if (parameters && parameters.type !== undefined && parameters.type !== 'object') {
      throw badRequest("The parameters of a function must be a JSON Schema with type 'object'.", {
        param: `${at(index)}.parameters`,
        code: 'invalid_function_parameters',
      });
    }
    return {
      name: given.name,
      description: given.description ?? '',
      parameters: { type: 'object', properties: {}, ...parameters },
      ...(typeof given.strict === 'boolean' ? { strict: given.strict } : {}),
    };
  });
}

function choiceOf({ tool_choice: choice }: Fields, names: ReadonlySet<string>): ToolChoice | undefined {
  const param = 'tool_choice';
  switch (choice) {
    case undefined:
    case null:
    case 'auto':
      return undefined;
    case 'none':
      return { type: 'none' };
    case 'required':
      if (names.size === 0) {
        throw badRequest("'tool_choice' is 'required', but no tools were provided.", { param });
      }
      return { type: 'required' };
    default:
      if (choice.type === 'function') {
        return { type: 'tool', name: known(choice.function.name, names, `${param}.function.name`) };
      }
      return {
        type: 'allowed',
        required: choice.allowed_tools.mode === 'required',
        names: choice.allowed_tools.tools.map((tool, i) =>
          known(tool.function.name, names, `${param}.allowed_tools.tools[${i}].function.name`),
        ),
      };
  }
}

function legacyChoice({ function_call: choice }: Fields, names: ReadonlySet<string>): ToolChoice | undefined {
  if (choice === undefined || choice === null || choice === 'auto') return undefined;
  if (choice === 'none') return { type: 'none' };
  return { type: 'tool', name: known(choice.name, names, 'function_call.name') };
}

function known(wanted: string, names: ReadonlySet<string>, param: string): string {
  if (!names.has(wanted)) throw badRequest(`There is no tool '${wanted}' in this request.`, { param });
  return wanted;
}
