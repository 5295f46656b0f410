import type { z } from 'zod';
import type { ResponseFormat } from '../../agent/contract.ts';
import type { TurnResult } from '../../core/agent-event.ts';
import { badRequest } from '../errors.ts';
import type { ResponseEcho } from './resource.ts';
import type { textFormat } from './schema.ts';

/** Compiling costs time and memory in proportion to the schema. */
const largestSchema = 100_000;
/** Schema and answer may both be a stranger's: together they can ask for work without an end. */
const longestCheckMs = 500;

interface Fields {
  readonly format?: z.output<typeof textFormat> | null | undefined;
  readonly verbosity?: string | null | undefined;
}

/** Reads `text` (Open Responses §13). Throws 400 for a schema that cannot be used. */
export async function readFormat(
  text: Fields | null | undefined,
): Promise<{ readonly echo: ResponseEcho['text']; readonly format: ResponseFormat | undefined }> {
  const format = text?.format ?? { type: 'text' as const };
  const verbosity = text?.verbosity ? { verbosity: text.verbosity } : {};
  if (format.type === 'text') return { echo: { format, ...verbosity }, format: undefined };
  if (format.type === 'json_object') return { echo: { format, ...verbosity }, format };
  const { type, name, schema, description } = format;
  const strict = format.strict ?? false;
  if (JSON.stringify(schema).length > largestSchema) {
    throw badRequest(`The schema '${name}' is larger than ${largestSchema} characters.`, {
      param: 'text.format.schema',
    });
  }
  if (strict) await compile(schema);
  return {
    echo: { format: { type, name, schema, description: description ?? null, strict }, ...verbosity },
    format: { type, name, schema, strict, ...(description ? { description } : {}) },
  };
}

/**
 * Holds a strict schema against the answer: prose where JSON was promised is a failure, never a success
 * (Open Responses §13.1). Other results are given back as they are.
 */
export async function holdFormat(
  result: TurnResult,
  format: ResponseFormat | undefined,
): Promise<TurnResult> {
  if (result.status !== 'completed' || result.clientCalls !== undefined) return result;
  if (format?.type !== 'json_schema' || format.strict !== true) return result;
  const why = await violation(result.text, format.schema);
  if (why === undefined) return result;
  const message = `The answer does not match the schema '${format.name}': ${why}`;
  return { ...result, status: 'failed', error: { code: 'invalid_output', message } };
}

async function violation(
  text: string,
  schema: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'it is not JSON.';
  }
  try {
    const { validate, explain } = await compile(schema);
    const { runInNewContext } = await import('node:vm');
    // Only for its clock, which also stops a regular expression: nothing of a stranger's is run as a program.
    const isMatch = runInNewContext('check()', { check: () => validate(value) }, { timeout: longestCheckMs });
    return isMatch === true ? undefined : explain();
  } catch {
    return 'the schema cannot be applied to it.';
  }
}

async function compile(schema: Readonly<Record<string, unknown>>) {
  const { $schema, ...rest } = schema;
  // Schemas that do not say are read as draft 7, where "items" may be a list; a draft's own schema is never looked up.
  const isModern = typeof $schema === 'string' && /20(?:19-09|20-12)/.test($schema);
  const Ajv = isModern ? (await import('ajv/dist/2020.js')).Ajv2020 : (await import('ajv')).Ajv;
  // Formats and unknown keywords say nothing an answer could be refused for; references are never fetched.
  const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
  try {
    const validate = ajv.compile(rest);
    return { validate, explain: () => ajv.errorsText(validate.errors, { dataVar: 'answer' }).slice(0, 300) };
  } catch (error) {
    throw badRequest(`The schema cannot be used: ${String((error as Error).message).slice(0, 200)}`, {
      param: 'text.format.schema',
    });
  }
}
