/**
 * The tools as the API knows them: what an agent of the configuration may use, and calls of one tool without a model
 * (openclaw-http §13). Such a call goes the way of a turn's calls: the same schema, the same guards, the same limit of
 * the result. Nobody is asked for consent: what would need it is refused.
 */
import type { AgentProfile } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Invoked, ServedTools, Tool, ToolContext, ToolInvocation } from '../contract.ts';
import { openResults } from '../results.ts';
import { coerce } from '../sanity.ts';
import type { Toolbox } from './index.ts';
import { gatewayTools, isOwnerOnly, matcher, narrowed, unknownNames } from './policy.ts';

export interface ServedOptions {
  readonly toolbox: Pick<Toolbox, 'tools' | 'toolsets' | 'schema' | 'forgetReads'>;
  readonly home: string;
  readonly agents: readonly AgentProfile[];
  /** What API turns may use at all. */
  allowed(): ReadonlySet<string>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long an interrupted tool may take before its result is given up. */
const graceMs = 900;

export function openServedTools(options: ServedOptions): ServedTools {
  const { toolbox, agents, log } = options;
  const sets = new Map<string, ReadonlySet<string>>();
  const unknown = new Set(agents.flatMap(({ tools }) => unknownNames(tools, toolbox.tools.keys())));
  if (unknown.size > 0) log('warn', 'tools.unknown-name', { names: [...unknown] });

  return {
    toolsets: toolbox.toolsets,
    all: () => options.allowed(),
    namesFor(agent, isOwner) {
      const key = `${agent.id} ${isOwner}`;
      const known = sets.get(key);
      if (known !== undefined) return known;
      const names = narrowed([...options.allowed(), ...gatewayTools], agent.tools);
      const found = new Set(
        [...names].filter((name) => isOwner || !isOwnerOnly(toolbox.tools.get(name) ?? { name })),
      );
      sets.set(key, found);
      return found;
    },
    matcher,
    hasProperty(name, property) {
      if (!toolbox.tools.has(name)) return false;
      const { properties } = toolbox.schema(name).parameters;
      return typeof properties === 'object' && properties !== null && Object.hasOwn(properties, property);
    },
    async invoke(invocation, signal) {
      const tool = toolbox.tools.get(invocation.name);
      if (tool === undefined) return { kind: 'crashed' };
      const args = coerce(invocation.args, toolbox.schema(tool.name));
      const checked = tool.schema.safeParse(args);
      if (!checked.success) {
        const issue = checked.error.issues[0];
        const at = issue?.path.join('.') ?? '';
        return { kind: 'failed', why: `Invalid arguments: ${at === '' ? '' : `${at}: `}${issue?.message}` };
      }
      // There is no conversation that would still have what was read before.
      toolbox.forgetReads(invocation.task);
      return run(tool, args, invocation, options, signal);
    },
  };
}

async function run(
  tool: Tool,
  args: unknown,
  { call, task, session, platform }: ToolInvocation,
  { clock, log, home }: ServedOptions,
  signal: AbortSignal,
): Promise<Invoked> {
  let asked: string | undefined;
  const context: ToolContext = {
    task,
    session,
    call,
    platform,
    signal,
    clock,
    log,
    history: [],
    async approve(request) {
      asked = request.why;
      return 'denied';
    },
  };
  try {
    const text = await Promise.race([tool.run(args, context), givenUp(clock, signal)]);
    if (text === undefined) return { kind: 'failed', why: 'The call was interrupted.' };
    if (asked !== undefined)
      return { kind: 'unapproved', why: `Nobody can approve this call here: ${asked}.` };
    const error = errorOf(text);
    if (error !== undefined)
      return isRefusal(error) ? { kind: 'refused', why: error } : { kind: 'failed', why: error };
    return { kind: 'done', text: await openResults(home, `invoke-${call}`).limit(tool.name, call, text) };
  } catch (error) {
    log('error', 'tool.invoke', { tool: tool.name, error });
    return { kind: 'crashed' };
  }
}

/** Resolves some time after the abort; stays pending without one, and then holds nothing but its listener. */
function givenUp(clock: Clock, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const onAbort = () => void clock.after(graceMs, () => resolve(undefined));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** The sentence of a result that is nothing but an error. */
function errorOf(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    return typeof error === 'string' && error !== '' ? error : undefined;
  } catch {
    return undefined;
  }
}

/** How the guards of commands and files begin what they say. */
const isRefusal = (error: string) => /^(?:BLOCKED \(hardline\)|Access denied|Write denied)/.test(error);
