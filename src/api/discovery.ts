import { z } from 'zod';
import type { ServedTools } from '../agent/contract.ts';
import type { AgentsSettings, ApiSettings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { capabilities, capabilitiesAnswer } from './capabilities.ts';
import {
  detailedAnswer,
  detailedHealth,
  type GatewayHealth,
  health,
  healthAnswer,
  type ServedBy,
} from './health.ts';
import { findModel, listModels, modelEntry, modelList } from './models.ts';
import { openApiDocument } from './openapi.ts';
import type { Route } from './routes.ts';
import { toolsetRoutes } from './toolsets.ts';

export interface DiscoveryDeps {
  readonly api: ApiSettings;
  readonly agents: AgentsSettings;
  readonly tools: ServedTools;
  readonly hasKey: boolean;
  readonly version: string;
  readonly model: ServedBy['model'];
  readonly contextWindow: number | undefined;
  health(): GatewayHealth | Promise<GatewayHealth>;
  activeRuns(): number;
  readonly clock: Clock;
  /** The complete table, including these routes. */
  routes(): readonly Route[];
}

/** What a client asks before it works: health, models, capabilities and the OpenAPI document (api-server §10). */
export function discoveryRoutes(deps: DiscoveryDeps): Route[] {
  const { api, version } = deps;
  const listed = { ...deps, isDemo: deps.model.isDemo };
  const models = () => listModels(listed, Math.floor(deps.clock.now() / 1000));
  let document: Readonly<Record<string, unknown>> | undefined;
  return [
    {
      method: 'GET',
      path: '/health',
      scope: 'public',
      name: 'health',
      doc: { id: 'health', summary: 'The server answers.', answer: healthAnswer },
      handle: () => health(version),
    },
    {
      method: 'GET',
      path: '/v1/health',
      scope: 'public',
      doc: { id: 'healthV1', summary: 'The same as /health.', answer: healthAnswer },
      handle: () => health(version),
    },
    {
      method: 'GET',
      path: '/health/detailed',
      scope: 'health',
      name: 'health_detailed',
      doc: { id: 'healthDetailed', summary: 'State and readiness of the gateway.', answer: detailedAnswer },
      handle: async () =>
        detailedHealth(await deps.health(), {
          version,
          model: deps.model,
          activeRuns: deps.activeRuns(),
          maxRuns: api.maxConcurrentRuns,
        }),
    },
    {
      method: 'GET',
      path: '/v1/models',
      scope: 'models',
      name: 'models',
      doc: { id: 'listModels', summary: 'Names that `model` selects.', answer: modelList },
      handle: () => ({ object: 'list', data: models() }),
    },
    {
      method: 'GET',
      path: '/v1/models/:id',
      scope: 'models',
      name: 'model',
      doc: { id: 'retrieveModel', summary: 'One of these names.', answer: modelEntry, errors: [404] },
      handle: (request) => findModel(models(), (request.params as { readonly id: string }).id),
    },
    ...toolsetRoutes(deps.tools),
    {
      method: 'GET',
      path: '/v1/capabilities',
      scope: 'models',
      name: 'capabilities',
      doc: { id: 'capabilities', summary: 'What this server can do.', answer: capabilitiesAnswer },
      handle: () => capabilities(deps.routes(), api, deps.hasKey),
    },
    {
      method: 'GET',
      path: '/openapi.json',
      scope: 'public',
      doc: { id: 'openapi', summary: 'This document.', answer: z.looseObject({ openapi: z.string() }) },
      handle: () => {
        document ??= openApiDocument(deps.routes(), version);
        return document;
      },
    },
  ];
}
