import type { ModelChoice } from '../agent/contract.ts';
import type { ApiSettings } from '../config/settings.ts';
import { badRequest } from './errors.ts';

const efforts: ReadonlySet<string> = new Set([
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
  'ultra',
]);

/** The request fields that select a model (api-server §5.3). */
export interface ModelFields {
  readonly model?: string | null | undefined;
  readonly provider?: string | null | undefined;
  readonly model_options?: unknown;
  readonly reasoning_effort?: string | null | undefined;
}

type Rules = Pick<ApiSettings, 'modelName' | 'modelRoutes' | 'directModelRequests'>;

/**
 * The model of one request; undefined = the configured one. Unknown `model` strings select nothing, because generic
 * clients hard-code names. Throws 400 when a route's pin and the request disagree.
 */
export function chooseModel(fields: ModelFields, rules: Rules): ModelChoice | undefined {
  const reasoningEffort = effortOf(fields);
  const choice = { ...modelOf(fields, rules), ...(reasoningEffort === undefined ? {} : { reasoningEffort }) };
  return Object.keys(choice).length === 0 ? undefined : choice;
}

function modelOf(fields: ModelFields, rules: Rules): ModelChoice {
  const model = fields.model?.trim() ?? '';
  const provider = fields.provider?.trim() ?? '';
  const route = Object.hasOwn(rules.modelRoutes, model) ? rules.modelRoutes[model] : undefined;
  if (route !== undefined) {
    if (provider !== '' && route.provider !== undefined && route.provider !== provider) {
      throw badRequest(
        `Model route '${model}' is pinned to provider '${route.provider}'. Remove 'provider' or use '${route.provider}'.`,
      );
    }
    const pinned = route.apiKey !== undefined || route.baseUrl !== undefined;
    if (provider !== '' && route.provider === undefined && pinned) {
      throw badRequest(
        `Model route '${model}' pins route credentials/base_url. Do not combine it with an explicit 'provider'.`,
      );
    }
    const effective = route.provider ?? (provider === '' ? undefined : provider);
    return {
      model: route.model,
      ...(effective === undefined ? {} : { provider: effective }),
      ...(route.baseUrl === undefined ? {} : { baseUrl: route.baseUrl }),
      ...(route.apiKey === undefined ? {} : { apiKey: route.apiKey }),
    };
  }
  const named = model !== '' && model !== rules.modelName;
  if (provider !== '') return { ...(named ? { model } : {}), provider };
  return named && rules.directModelRequests ? { model } : {};
}

function effortOf(fields: ModelFields): string | undefined {
  const options = record(fields.model_options);
  const reasoning = record(options.reasoning);
  if (reasoning.enabled === false) return 'none';
  for (const wish of [options.reasoning_effort, reasoning.effort, fields.reasoning_effort]) {
    const effort = typeof wish === 'string' ? wish.trim().toLowerCase() : '';
    if (efforts.has(effort)) return effort;
  }
  return undefined;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
