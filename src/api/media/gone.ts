import type { ServerResponse } from 'node:http';
import { ApiError } from '../errors.ts';

/** Nobody reads it; logs and abort reasons do. */
export const callerGone = (): ApiError => new ApiError(499, 'The caller closed the connection.');

/** Aborts when the caller closes the connection before it was answered. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const abort = () => {
    if (!response.writableFinished) gone.abort(callerGone());
  };
  if (response.destroyed) abort();
  else response.once('close', abort);
  return gone.signal;
}
