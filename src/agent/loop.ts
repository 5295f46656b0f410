/** The agent: models, tools and prompt behind the one door the rest of the gateway knows. */
import type { Settings } from '../config/settings.ts';
import type { TurnResult } from '../core/agent-event.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { noUsage } from '../core/message.ts';
import { redact } from '../text/redact.ts';
import { openChains } from './chain.ts';
import type { Agent, AgentRun, Tool, ToolSchema } from './contract.ts';
import { openModels } from './models/open.ts';
import type { Fetch } from './models/watch.ts';
import { openingOf } from './opening.ts';
import { openPrompts } from './prompt.ts';
import type { Toolbox } from './tools/index.ts';
import { runTurn } from './turn.ts';

export interface AgentOptions {
  readonly settings: Settings;
  readonly tools: Pick<Toolbox, 'tools' | 'schema' | 'close'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetch?: Fetch;
}

/**
 * Rejects with NO_MODEL when a model is configured and cannot be used; with nothing configured the demo model serves.
 * Opens no connection: the first call does.
 */
export async function openAgent(options: AgentOptions): Promise<Agent> {
  const { settings, clock, log, tools } = options;
  const models = openModels(settings, { clock, ...(options.fetch && { fetch: options.fetch }) });
  const primary = models.open(undefined);
  const chains = openChains(models, settings.fallback, clock);
  const prompts = openPrompts(settings, clock);
  /** Sources hand in the same set for every turn, so the list is made once for each. */
  const allowed = new WeakMap<ReadonlySet<string>, Allowed>();

  const toolsOf = (names: ReadonlySet<string>): Allowed => {
    let found = allowed.get(names);
    if (found === undefined) {
      const usable = [...tools.tools.values()].filter((tool) => names.has(tool.name));
      found = {
        tools: new Map(usable.map((tool) => [tool.name, tool])),
        schemas: usable.map((tool) => tools.schema(tool.name)),
      };
      allowed.set(names, found);
    }
    return found;
  };

  return {
    model: { name: primary.name, provider: primary.provider, isDemo: primary.isDemo },
    async run(run) {
      try {
        return await runTurn(run, {
          clock,
          log,
          home: settings.home,
          chain: chains.start(run.model),
          system: prompts.system(run),
          ...toolsOf(run.tools),
          attempts: Math.max(1, settings.agent.apiMaxRetries),
          maxTokens: settings.model.maxTokens,
          reasoningEffort: run.model?.reasoningEffort ?? settings.agent.reasoningEffort,
          redact: (text) => (settings.security.redactSecrets ? redact(text, settings.secrets) : text),
        });
      } catch (error) {
        return broken(run, error, primary, log);
      }
    },
    async close() {
      await tools.close();
      await models.close();
    },
  };
}

interface Allowed {
  readonly tools: ReadonlyMap<string, Tool>;
  readonly schemas: readonly ToolSchema[];
}

/** A turn that could not go on: no model, no journal. A fenced turn belongs to another process and stores nothing. */
function broken(
  run: AgentRun,
  error: unknown,
  primary: { readonly name: string; readonly provider: string },
  log: Log,
): TurnResult {
  const known = error instanceof GatewayError ? error : undefined;
  const fenced = known?.code === 'FENCED';
  if (known === undefined) log('error', 'turn.broken', { turn: run.turn, trace: run.trace, error });
  return {
    status: 'failed',
    text: '',
    messages: fenced ? [] : openingOf(run).given,
    usage: noUsage,
    model: run.model?.model ?? primary.name,
    provider: run.model?.provider ?? primary.provider,
    modelCalls: 0,
    exit: fenced ? 'fenced' : 'error',
    error: {
      code: known?.code ?? 'INTERNAL',
      message: known?.message ?? 'The turn failed inside the gateway.',
    },
  };
}
