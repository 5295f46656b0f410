import { z } from 'zod';
import type { Route, RouteDoc } from './routes.ts';

const errorEnvelope = z.object({
  error: z.object({
    message: z.string(),
    type: z.enum(['invalid_request_error', 'server_error', 'rate_limit_error']),
    param: z.string().nullable(),
    code: z.string().nullable(),
    hermes: z.record(z.string(), z.boolean()).optional(),
  }),
});

type Json = Record<string, unknown>;

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}

const json = (schema: Json) => ({ 'application/json': { schema } });
const errorRef = { $ref: '#/components/schemas/Error' };

const everywhere: Readonly<Record<number, string>> = {
  401: 'The API key is missing or wrong.',
  403: 'The key lacks the scope, or the origin, the host or a header is not allowed.',
  500: 'An unexpected failure; the message names the request id to look for in the log.',
  503: 'The gateway is shutting down or cannot store requests.',
};

const sometimes: Readonly<Record<number, string>> = {
  400: 'The request is invalid; `param` names the field.',
  404: 'There is no such object.',
  413: 'The body is larger than 10,000,000 bytes.',
  429: 'Too many concurrent runs, or too many wrong keys; Retry-After says when to try again.',
  502: 'The turn ended without an answer. Do not repeat it blindly: tools may have run.',
};

/** The OpenAPI 3.1 document of the route table, from the same schemas that check requests. */
export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Hermes Gateway API server',
      version,
      description: 'OpenAI-compatible access to an agent with tools.',
    },
    paths,
    components: {
      schemas: { Error: schemaOf(errorEnvelope, 'output') },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operation({ path, scope, doc }: Route): Json {
  const names = [...path.matchAll(/:(\w+)/g)].map((match) => match[1]);
  return {
    operationId: doc.id,
    summary: doc.summary,
    security: scope === 'public' ? [] : [{ bearer: scope === 'bearer' ? [] : [scope] }],
    ...(names.length === 0
      ? {}
      : {
          parameters: names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
        }),
    ...(doc.body === undefined
      ? {}
      : { requestBody: { required: true, content: json(schemaOf(doc.body, 'input')) } }),
    responses: { [doc.status ?? 200]: success(doc), ...errors(doc) },
  };
}

function success(doc: RouteDoc): Json {
  const stream =
    doc.events === undefined
      ? {}
      : {
          'text/event-stream': {
            schema: {
              type: 'string',
              description:
                'Frames `data: <object>`, some after an `event:` line; comments keep the connection alive; the last frame is `data: [DONE]`. Each object:',
              contentMediaType: 'application/json',
              contentSchema: schemaOf(doc.events, 'output'),
            },
          },
        };
  const answer = { [doc.media ?? 'application/json']: { schema: schemaOf(doc.answer, 'output') } };
  return { description: 'OK', content: { ...answer, ...stream } };
}

function errors(doc: RouteDoc): Json {
  const picked = {
    ...everywhere,
    ...Object.fromEntries((doc.errors ?? []).map((code) => [code, sometimes[code]])),
  };
  return Object.fromEntries(
    Object.entries(picked).map(([status, description]) => [
      status,
      { description: description ?? 'Error', content: json(errorRef) },
    ]),
  );
}
