import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Dialect } from './auth/refusals.ts';
import type { Scope } from './auth.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One row of the table that routing, access control, capabilities and the OpenAPI document are made of. */
export interface Route {
  readonly method: Method;
  /** Fastify pattern: `/v1/models/:id`. */
  readonly path: string;
  readonly scope: Scope;
  /** Default `maxBodyBytes` of body.ts. */
  readonly maxBodyBytes?: number;
  /** How access is refused; absent = as the configured credentials ask for (docs/decisions/013). */
  readonly dialect?: Dialect;
  /** Name in `/v1/capabilities`; absent = not listed there. */
  readonly name?: string;
  readonly doc: RouteDoc;
  handle(request: FastifyRequest, reply: FastifyReply): unknown;
}

export interface RouteDoc {
  readonly id: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  /** Content type of the answer; absent = JSON. */
  readonly media?: string;
  /** Of the answer; default 200. */
  readonly status?: 202;
  /** Schema of the answer when all went well. */
  readonly answer: z.ZodType;
  /** Schema of each `data:` object when the answer may be an event stream. */
  readonly events?: z.ZodType;
  /** Other statuses beside 401, 403, 413, 500 and 503, which every route may answer. */
  readonly errors?: readonly number[];
}

/** Finds which methods a path has, to tell 405 from 404. */
export function methodFinder(routes: readonly Route[]): (path: string) => Method[] {
  const rows = routes.map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}$`),
  }));
  return (path) => rows.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
}
