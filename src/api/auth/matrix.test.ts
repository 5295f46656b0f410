/** Every route of the real table × every way to show, or not to show, a credential. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { WebSocket } from 'ws';
import { type ApiScope, apiScopes } from '../../config/auth.ts';
import type { ApiAuth } from '../../config/settings.ts';
import type { Api } from '../app.ts';
import type { Route } from '../routes.ts';
import { buildServer } from '../server.ts';
import { authDefaults, key, listenFake, openFake } from '../testing/open.ts';

const only = (scope: ApiScope) => `key-for-only-${scope}-0123456789`;
const without = (scope: ApiScope) => `key-for-all-but-${scope}-0123456789`;

const keys: ApiAuth['keys'] = apiScopes.flatMap((scope) => [
  { name: `only-${scope}`, key: only(scope), scopes: [scope], owner: false },
  {
    name: `not-${scope}`,
    key: without(scope),
    scopes: apiScopes.filter((other) => other !== scope),
    owner: false,
  },
]);

interface Row {
  readonly method: string;
  readonly url: string;
  /** `any`: every known caller; undefined = public. */
  readonly scope: ApiScope | 'any' | undefined;
}

let api: Api;
let rows: readonly Row[];

beforeAll(async () => {
  ({ api } = await openFake({ api: { auth: { ...authDefaults, keys } }, script: (turn) => turn.end() }));
  rows = await tableOf(api);
});
afterAll(() => api.close());

/** The table as the server publishes it, which it makes from the routes it serves. */
async function tableOf(server: Api): Promise<Row[]> {
  const { paths } = (await server.inject({ url: '/openapi.json', headers: bearer(key) })).json() as {
    paths: Record<string, Record<string, { security: readonly { bearer: readonly ApiScope[] }[] }>>;
  };
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security }]) => {
      const needed = security[0]?.bearer;
      return {
        method: method.toUpperCase(),
        url: path.replace(/\{\w+\}/g, 'x'),
        scope: needed && (needed[0] ?? 'any'),
      };
    }),
  );
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function statusOf({ method, url }: Row, headers: Record<string, string>, query = ''): Promise<number> {
  const request = { method: method as 'GET', url: `${url}${query}`, headers };
  return (await api.inject({ ...request, ...(method === 'GET' ? {} : { payload: '{}' }) })).statusCode;
}

async function statuses(
  wanted: (row: Row) => boolean,
  headers: (row: Row) => Record<string, string>,
  query = '',
): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const row of rows.filter(wanted)) {
    found[`${row.method} ${row.url}`] = await statusOf(row, headers(row), query);
  }
  expect(Object.keys(found).length).toBeGreaterThan(0);
  return found;
}

const isNamed = (scope: Row['scope']): scope is ApiScope => scope !== undefined && scope !== 'any';
const isProtected = (row: Row) => row.scope !== undefined;
const every = (found: Record<string, number>, status: number) =>
  expect(found).toEqual(Object.fromEntries(Object.keys(found).map((name) => [name, status])));
const passes = (found: Record<string, number>) =>
  expect(Object.entries(found).filter(([, status]) => [401, 403, 429].includes(status))).toEqual([]);

describe('a protected route', () => {
  test.each([
    ['nothing', {}, ''],
    ['a wrong key', bearer('wrong-key-0123456789'), ''],
    ['a prefix of the key', bearer(key.slice(0, -1)), ''],
    ['an empty token', { authorization: 'Bearer ' }, ''],
    ['another scheme', { authorization: `Basic ${key}` }, ''],
    ['the key in the query', {}, `?token=${key}&key=${key}&api_key=${key}`],
    ['the key in X-Api-Key', { 'x-api-key': key }, ''],
    ['the identity header of a proxy', { 'x-forwarded-user': 'ann' }, ''],
  ] as [string, Record<string, string>, string][])('answers 401 to %s', async (_, headers, query) => {
    every(await statuses(isProtected, () => headers, query), 401);
  });

  test.each(['Bearer', 'bearer', 'BEARER'])('is open to the main key after %s', async (scheme) => {
    passes(await statuses(isProtected, () => ({ authorization: `${scheme} ${key}` })));
  });

  it('is open to a key that has its scope and no other', async () => {
    passes(await statuses(isProtected, ({ scope }) => bearer(only(isNamed(scope) ? scope : 'health'))));
  });

  it('answers 403 to a key that has every scope but its own', async () => {
    const found = await statuses(
      ({ scope }) => isNamed(scope),
      ({ scope }) => bearer(without(scope as ApiScope)),
    );
    every(found, 403);
  });

  it('decides about HEAD as about GET', async () => {
    for (const row of rows.filter(({ method, scope }) => method === 'GET' && scope !== undefined)) {
      expect((await api.inject({ method: 'HEAD', url: row.url })).statusCode).toBe(401);
    }
  });
});

it('the routes without a credential are exactly these', async () => {
  const open = rows.filter(({ scope }) => scope === undefined).map(({ method, url }) => `${method} ${url}`);
  expect(open.sort()).toEqual(publicRoutes);
  passes(
    await statuses(
      ({ scope }) => scope === undefined,
      () => ({}),
    ),
  );
});

const publicRoutes = [
  'GET /',
  'GET /__openclaw/control-ui-config.json',
  'GET /health',
  'GET /openapi.json',
  'GET /page/x',
  'GET /v1/health',
];

it('the capability list has no route that the table does not protect', async () => {
  const { endpoints } = (await api.inject({ url: '/v1/capabilities', headers: bearer(key) })).json();
  for (const { method, path } of Object.values(
    endpoints as Record<string, { method: string; path: string }>,
  )) {
    const url = path.replace(/\{\w+\}/g, 'x');
    expect(
      rows.some((row) => row.method === method && row.url === url),
      `${method} ${path}`,
    ).toBe(true);
  }
});

it('a route without a scope, or with one that nobody can have, prevents the start', async () => {
  for (const scope of [undefined, '', 'everything', 'Public']) {
    const route = {
      method: 'GET',
      path: '/forgotten',
      scope,
      doc: { id: 'forgotten', summary: '', answer: undefined },
      handle: () => ({}),
    } as unknown as Route;
    const refuse = () => undefined;
    await expect(
      buildServer({
        routes: [route],
        api: { corsOrigins: [] },
        access: { isOpen: false, refuse },
        clock: { hex: () => '0' },
        log: () => {},
        limits: { headersTimeoutMs: 1_000, requestTimeoutMs: 1_000, timeoutCheckMs: 1_000 },
      } as unknown as Parameters<typeof buildServer>[0]),
    ).rejects.toThrow('declares no scope');
  }
});

describe('the WebSocket transport of /v1/responses', () => {
  test.each([
    ['nothing', {}, '', 401],
    ['a wrong key', bearer('wrong-key-0123456789'), '', 401],
    ['the key in the query', {}, `?token=${key}`, 401],
    ['the key in X-Api-Key', { 'x-api-key': key }, '', 401],
    ['a key without the scope', bearer(without('responses')), '', 403],
    ['a key with the scope', bearer(only('responses')), '', 101],
    ['the main key in lower case', { authorization: `bearer ${key}` }, '', 101],
  ] as [string, Record<string, string>, string, number][])('%s', async (_, headers, query, status) => {
    await using server = await listenFake({ api: { auth: { ...authDefaults, keys } } });
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/responses${query}`, { headers });
    socket.on('error', () => {});
    const answered = await new Promise<number | undefined>((resolve) => {
      socket.once('open', () => resolve(101));
      socket.once('unexpected-response', (_request, response) => resolve(response.statusCode));
    });
    expect(answered).toBe(status);
    socket.terminate();
    if (status === 101) await once(socket, 'close');
  });
});
