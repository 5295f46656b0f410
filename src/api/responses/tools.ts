import type { z } from 'zod';
import type { ToolChoice, ToolSchema } from '../../agent/contract.ts';
import { badRequest } from '../errors.ts';
import type { ResponseEcho } from './resource.ts';
import { functionTool, toolChoice } from './schema.ts';

export interface ReadTools {
  readonly echo: Pick<ResponseEcho, 'tools' | 'tool_choice'>;
  readonly schemas: readonly ToolSchema[] | undefined;
  readonly choice: ToolChoice | undefined;
  /** No tool at all, the server's own included. */
  readonly none: boolean;
  /** Places of declared tools that have no effect: hosted tools of other vendors. */
  readonly ignored: readonly string[];
}

interface Fields {
  readonly tools?: readonly Readonly<Record<string, unknown>>[] | null | undefined;
  readonly tool_choice?: unknown;
}

const emptyParameters = { type: 'object', properties: {} };

/** Reads the caller's own tools and what is wished about calls (Open Responses §12). Throws 400 with `param`. */
export function readTools(fields: Fields): ReadTools {
  const ignored: string[] = [];
  const tools = (fields.tools ?? []).flatMap((tool, i) => {
    if (tool.type === 'function') return [readFunction(tool, i)];
    ignored.push(`tools[${i}]`);
    return [];
  });
  const names = new Set(tools.map((tool) => tool.name));
  if (names.size < tools.length) throw badRequest('Tool names must be unique.', { param: 'tools' });
  const wish = readChoice(fields.tool_choice);
  return {
    echo: { tools, tool_choice: wish },
    schemas:
      tools.length === 0
        ? undefined
        : tools.map(({ name, description, parameters, strict }) => ({
            name,
            description: description ?? '',
            parameters: { ...emptyParameters, ...parameters },
            ...(strict === null ? {} : { strict }),
          })),
    choice: choiceOf(wish, names),
    none: fields.tools?.length === 0,
    ignored,
  };
}

function readFunction(tool: Readonly<Record<string, unknown>>, i: number): ResponseEcho['tools'][number] {
  const parsed = functionTool.safeParse(tool);
  if (!parsed.success) {
    throw badRequest(`Invalid 'tools[${i}]': ${why(parsed.error)}`, { param: `tools[${i}]` });
  }
  const { name, description, parameters, strict } =
    'function' in parsed.data ? parsed.data.function : parsed.data;
  if (parameters?.type !== undefined && parameters.type !== 'object') {
    throw badRequest(`The parameters of '${name}' must be of type 'object'.`, {
      param: `tools[${i}].parameters`,
      code: 'invalid_function_parameters',
    });
  }
  return {
    type: 'function',
    name,
    description: description ?? null,
    parameters: parameters ?? null,
    strict: strict ?? null,
  };
}

/** The innermost reason: a failed union says only that nothing fitted. */
function why(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue?.code === 'invalid_union') {
    const inner = issue.errors.at(-1)?.[0];
    if (inner !== undefined) return `${inner.path.join('.')} ${inner.message}`.trim();
  }
  return issue === undefined ? 'invalid' : `${issue.path.join('.')} ${issue.message}`.trim();
}

type Wish = z.output<typeof toolChoice>;

function readChoice(value: unknown): Wish {
  if (value === undefined || value === null) return 'auto';
  const parsed = toolChoice.safeParse(value);
  if (!parsed.success) throw badRequest("Invalid 'tool_choice'.", { param: 'tool_choice' });
  return parsed.data;
}

function choiceOf(wish: Wish, names: ReadonlySet<string>): ToolChoice | undefined {
  if (wish === 'auto') return undefined;
  if (typeof wish === 'string') return { type: wish };
  const wanted = wish.type === 'function' ? [wish.name] : wish.tools.map((tool) => tool.name);
  const unknown = wanted.find((name) => !names.has(name));
  if (unknown !== undefined) {
    throw badRequest(`Tool choice '${unknown}' is not among the tools.`, { param: 'tool_choice' });
  }
  if (wish.type === 'function') return { type: 'tool', name: wish.name };
  return wish.mode === 'none'
    ? { type: 'none' }
    : { type: 'allowed', names: wanted, required: wish.mode === 'required' };
}
