import { z } from 'zod';
import type { ApiSettings } from '../config/settings.ts';
import type { Route } from './routes.ts';

export const capabilitiesAnswer = z.object({
  object: z.literal('hermes.api_server.capabilities'),
  platform: z.literal('hermes-agent'),
  model: z.string(),
  auth: z.object({ type: z.literal('bearer'), required: z.boolean() }),
  runtime: z.object({
    mode: z.literal('server_agent'),
    tool_execution: z.literal('server'),
    split_runtime: z.literal(false),
    description: z.string(),
  }),
  features: z.record(
    z.string(),
    z.union([z.boolean(), z.string(), z.record(z.string(), z.union([z.boolean(), z.int()]))]),
  ),
  endpoints: z.record(z.string(), z.object({ method: z.string(), path: z.string() })),
});

/** Feature name → the endpoint that makes it true. A feature without its route is advertised as false. */
const featureEndpoints: Readonly<Record<string, string>> = {
  chat_completions: 'chat_completions',
  chat_completions_streaming: 'chat_completions',
  model_options: 'chat_completions',
  client_tools: 'chat_completions',
  structured_outputs: 'chat_completions',
  responses_api: 'responses',
  responses_streaming: 'responses',
  run_submission: 'runs',
  run_status: 'run_status',
  run_events_sse: 'run_events',
  run_stop: 'run_stop',
  run_approval_response: 'run_approval',
  approval_events: 'run_approval',
  run_steer: 'run_steer',
  session_resources: 'sessions',
  session_chat: 'session_chat',
  session_chat_streaming: 'session_chat_stream',
  session_fork: 'session_fork',
  session_model_lock: 'session_model_lock',
  skills_api: 'skills',
};

const absent = ['admin_config_rw', 'jobs_admin', 'memory_write_api', 'audio_api', 'realtime_voice'];

/** The body of `GET /v1/capabilities`: computed from the route table and the settings, so that it stays true. */
export function capabilities(
  routes: readonly Route[],
  api: ApiSettings,
  hasKey: boolean,
): z.output<typeof capabilitiesAnswer> {
  const endpoints = Object.fromEntries(
    routes.flatMap(({ name, method, path }) =>
      name === undefined ? [] : [[name, { method, path: path.replace(/:(\w+)/g, '{$1}') }]],
    ),
  );
  return {
    object: 'hermes.api_server.capabilities',
    platform: 'hermes-agent',
    model: api.modelName,
    auth: { type: 'bearer', required: hasKey },
    runtime: {
      mode: 'server_agent',
      tool_execution: 'server',
      split_runtime: false,
      description:
        'The agent and its tools run on the server; tools that a request declares are left to its client.',
    },
    features: {
      ...Object.fromEntries(
        Object.entries(featureEndpoints).map(([feature, endpoint]) => [feature, endpoint in endpoints]),
      ),
      runs_idempotency:
        'runs' in endpoints ? { supported: true, durable: true, retention_seconds: 86_400 } : false,
      tool_progress_events: api.toolProgressEvents,
      reasoning_streaming: api.showReasoning,
      // Both headers are refused without a key.
      session_continuity_header: hasKey ? 'X-Hermes-Session-Id' : false,
      session_key_header: hasKey ? 'X-Hermes-Session-Key' : false,
      cors: api.corsOrigins.length > 0,
      ...Object.fromEntries(absent.map((name) => [name, false])),
    },
    endpoints,
  };
}
