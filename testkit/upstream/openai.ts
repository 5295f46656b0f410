/** What both OpenAI wires do alike: keys, errors, and how a stream is asked for. */
import type { Wire } from './types.ts';

export const openai: Pick<Wire, 'authorised' | 'unauthorised' | 'streams' | 'error'> = {
  authorised: (headers, _path, key) => headers.authorization === `Bearer ${key}`,
  unauthorised: {
    status: 401,
    body: errorBody('Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key'),
  },
  streams: (body) => body['stream'] === true,
  error: (status, message, code) => errorBody(message, errorType(status), code ?? null),
};

export function errorType(status: number): string {
  if (status === 429) return 'rate_limit_exceeded';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function errorBody(message: string, type: string, code: string | null): unknown {
  return { error: { message, type, param: null, code } };
}
