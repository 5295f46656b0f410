import { z } from 'zod';
import type { ApiSettings } from '../config/settings.ts';
import { ApiError } from './errors.ts';

export const modelEntry = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.literal('hermes'),
  permission: z.array(z.never()),
  root: z.string(),
  parent: z.string().nullable(),
  demo: z.literal(true).optional().describe('The built-in offline demo model answers.'),
});

export const modelList = z.object({ object: z.literal('list'), data: z.array(modelEntry) });

export type ModelEntry = z.output<typeof modelEntry>;

/** The advertised name and the route aliases; never a provider's catalogue (api-server §5, §10). */
export function listModels(
  api: Pick<ApiSettings, 'modelName' | 'modelRoutes'>,
  isDemo: boolean,
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
  return [
    { ...entry(api.modelName, api.modelName, null), ...(isDemo ? { demo: true as const } : {}) },
    ...Object.entries(api.modelRoutes).map(([alias, route]) => entry(alias, route.model, api.modelName)),
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
