import { z } from 'zod';
import type { AgentsSettings, ApiSettings } from '../config/settings.ts';
import { ApiError } from './errors.ts';

export const modelEntry = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.enum(['hermes', 'openclaw']),
  permission: z.array(z.never()),
  root: z.string(),
  parent: z.string().nullable(),
  context_window: z.int().optional().describe('Tokens, when the configuration says how many.'),
  demo: z.literal(true).optional().describe('The built-in offline demo model answers.'),
});

export const modelList = z.object({ object: z.literal('list'), data: z.array(modelEntry) });

export type ModelEntry = z.output<typeof modelEntry>;

export interface ListedModels {
  readonly api: Pick<ApiSettings, 'modelName' | 'modelRoutes'>;
  readonly agents: Pick<AgentsSettings, 'list'>;
  readonly isDemo: boolean;
  readonly contextWindow: number | undefined;
}

/**
 * The advertised name, the route aliases and the agents; never a provider's catalogue (api-server §5, §10,
 * openclaw-http §12). `created` in Unix seconds.
 */
export function listModels(
  { api, agents, isDemo, contextWindow }: ListedModels,
  created: number,
): ModelEntry[] {
  const entry = (id: string, root: string, parent: string | null): ModelEntry => ({
    id,
    object: 'model',
    created,
    owned_by: 'hermes',
    permission: [],
    root,
    parent,
  });
  const agent = (id: string): ModelEntry => ({ ...entry(id, id, null), owned_by: 'openclaw' });
  return [
    {
      ...entry(api.modelName, api.modelName, null),
      ...(contextWindow === undefined ? {} : { context_window: contextWindow }),
      ...(isDemo ? { demo: true as const } : {}),
    },
    ...Object.entries(api.modelRoutes).map(([alias, route]) => entry(alias, route.model, api.modelName)),
    ...['openclaw', 'openclaw/default', ...agents.list.map(({ id }) => `openclaw/${id}`)].map(agent),
  ];
}

export function findModel(models: readonly ModelEntry[], id: string): ModelEntry {
  const found = models.find((model) => model.id === id);
  if (found === undefined) {
    throw new ApiError(404, `The model '${id.slice(0, 200)}' does not exist`, {
      param: 'model',
      code: 'model_not_found',
    });
  }
  return found;
}
