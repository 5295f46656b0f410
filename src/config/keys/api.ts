/** The API server. */
import { choice, flag, mapping, names, text, whole } from '../values.ts';
import { key, unset } from './shape.ts';

/** The API server's block may stand in four places, each with or without `extra` (api-server §1.2). */
export function apiServer(name: string): readonly string[] {
  const places = ['gateway.api_server', 'gateway.platforms.api_server', 'platforms.api_server', 'api_server'];
  return places
    .flatMap((place) => [`${place}.extra.${name}`, `${place}.${name}`])
    .filter((path) => path !== `platforms.api_server.${name}`);
}

export const apiKeys = {
  'platforms.api_server.enabled': unset(
    flag(),
    'Serve the API; a key, token or password alone also switches it on.',
    {
      env: 'API_SERVER_ENABLED',
      also: apiServer('enabled'),
      guard: true,
      field: 'api.enabled',
    },
  ),
  'platforms.api_server.host': key(text(), '127.0.0.1', 'Address to listen on.', {
    env: 'API_SERVER_HOST',
    also: apiServer('host'),
    guard: true,
    field: 'api.host',
  }),
  'platforms.api_server.port': key(whole({ min: 0, max: 65_535 }), 8642, 'Port to listen on.', {
    env: 'API_SERVER_PORT',
    also: apiServer('port'),
    field: 'api.port',
  }),
  'platforms.api_server.key': unset(text(), 'Bearer token of the API.', {
    env: 'API_SERVER_KEY',
    also: apiServer('key'),
    secret: true,
    guard: true,
    field: 'api.key',
  }),
  'platforms.api_server.require_key': key(
    flag(),
    false,
    'Refuse to serve without a strong key, also on loopback.',
    {
      also: apiServer('require_key'),
      guard: true,
      field: 'api.requireKey',
    },
  ),
  'platforms.api_server.cors_origins': key(names(), [], 'Browser origins that may call the API; `*` = all.', {
    env: 'API_SERVER_CORS_ORIGINS',
    also: apiServer('cors_origins'),
    guard: true,
    field: 'api.corsOrigins',
  }),
  'platforms.api_server.model_name': key(text(), 'hermes-agent', 'Advertised model id.', {
    env: 'API_SERVER_MODEL_NAME',
    also: apiServer('model_name'),
    field: 'api.modelName',
  }),
  'platforms.api_server.max_concurrent_runs': key(
    whole({ min: 0, clamp: true }),
    10,
    'Turns at once through the API; 0 = no cap.',
    { also: apiServer('max_concurrent_runs'), field: 'api.maxConcurrentRuns' },
  ),
  'platforms.api_server.tool_progress_events': key(flag(), true, 'Send `hermes.tool.progress` frames.', {
    also: apiServer('tool_progress_events'),
    field: 'api.toolProgressEvents',
  }),
  'platforms.api_server.direct_model_requests': key(
    flag(),
    false,
    'Let requests choose any configured model.',
    {
      also: apiServer('direct_model_requests'),
      guard: true,
      field: 'api.directModelRequests',
    },
  ),
  'platforms.api_server.model_routes': key(mapping(), {}, 'Model names of requests → configured models.', {
    also: apiServer('model_routes'),
    field: 'api.modelRoutes',
  }),
  'platforms.api_server.history_tool_output_max_chars': key(
    whole({ min: 0, clamp: true }),
    0,
    'Cap per stored tool output; 0 = whole.',
    { also: apiServer('history_tool_output_max_chars') },
  ),
  'platforms.api_server.responses_tool_items': unset(
    choice(['function_call', 'hermes:tool_call', 'mcp_call', 'none']),
    'How responses show the tools of the agent; unset = as the client can take it.',
    { also: apiServer('responses_tool_items'), field: 'api.toolItems' },
  ),
} as const;
