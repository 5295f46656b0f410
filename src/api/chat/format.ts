import { z } from 'zod';
import type { ResponseFormat } from '../../agent/contract.ts';
import { badRequest } from '../errors.ts';

const maxSchemaLength = 65_536;

export const responseFormat = z
  .discriminatedUnion(
    'type',
    [
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('json_object') }),
      z.object({
        type: z.literal('json_schema'),
        json_schema: z.object({
          name: z
            .string()
            .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, underscores or dashes'),
          description: z.string().nullish(),
          schema: z.record(z.string(), z.unknown()),
          strict: z.boolean().nullish(),
        }),
      }),
    ],
    { error: 'must be text, json_object or json_schema' },
  )
  .nullish()
  .describe(
    'Passed on to the model; asked for in words, with a note in `warnings`, where it takes no formats.',
  );

/** Throws 400 with the offending `param`; undefined = free text. */
export function readFormat(format: z.output<typeof responseFormat>): ResponseFormat | undefined {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined;
    case 'json_object':
      return { type: 'json_object' };
    case 'json_schema': {
      const { name, schema, description, strict } = format.json_schema;
      if (JSON.stringify(schema).length > maxSchemaLength) {
        throw badRequest(`The schema is larger than ${maxSchemaLength} characters.`, {
          param: 'response_format.json_schema.schema',
        });
      }
      return {
        type: 'json_schema',
        name,
        schema,
        ...(typeof description === 'string' ? { description } : {}),
        ...(typeof strict === 'boolean' ? { strict } : {}),
      };
    }
    default:
      return format satisfies never;
  }
}
