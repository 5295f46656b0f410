import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { notFound } from '../errors.ts';
import type { Route } from '../routes.ts';
import type { Asset } from './assets.ts';

export interface PageDeps {
  readonly version: string;
  /** What a caller has to show; `proxy`: somebody in front of the gateway has asked already. */
  readonly credential: PageCredential;
}

const pageConfig = z.object({
  basePath: z.string(),
  assistantName: z.string(),
  assistantAvatar: z.string(),
  assistantAgentId: z.string(),
  serverVersion: z.string(),
  credential: z.enum(['none', 'key', 'proxy']),
});

type PageConfig = z.output<typeof pageConfig>;
export type PageCredential = PageConfig['credential'];

/**
 * Everything comes from the page's own origin and nothing may be made from text: no inline script or style, no HTML
 * from strings (trusted types), no form that leaves the page, no frame around it (api-server §2.4).
 */
const headers: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Browsers ask each time whether it changed, so that an upgraded gateway never runs with the page of the old one.
  'Cache-Control': 'no-cache',
};

/** The built-in page (openclaw-http §16). It holds no secret, so it needs no key; everything it asks for does. */
export function pageRoutes({ version, credential }: PageDeps): Route[] {
  const send = async (name: string, request: FastifyRequest, reply: FastifyReply) => {
    const { readAsset } = await import('./assets.ts');
    const asset = await readAsset(name);
    if (asset === undefined) throw notFound(request.method, `/page/${name.slice(0, 100)}`);
    return answer(asset, request, reply);
  };
  return [
    {
      method: 'GET',
      path: '/',
      scope: 'public',
      name: 'page',
      doc: {
        id: 'page',
        summary: 'The built-in page: chat and state.',
        media: 'text/html',
        answer: z.string(),
      },
      handle: (request, reply) => send('index.html', request, reply),
    },
    {
      method: 'GET',
      path: '/page/:file',
      scope: 'public',
      doc: {
        id: 'pageFile',
        summary: 'A script, style or picture of the page.',
        media: '*/*',
        answer: z.string(),
        errors: [404],
      },
      handle: (request, reply) => send((request.params as { readonly file: string }).file, request, reply),
    },
    {
      method: 'GET',
      path: '/__openclaw/control-ui-config.json',
      scope: 'public',
      doc: { id: 'pageConfig', summary: 'What the page is told before it asks.', answer: pageConfig },
      handle: (_request, reply): PageConfig => {
        void reply.header('Cache-Control', 'no-store');
        return {
          basePath: '',
          assistantName: 'Hermes',
          assistantAvatar: '⚕',
          assistantAgentId: 'main',
          serverVersion: version,
          credential,
        };
      },
    },
  ];
}

function answer(asset: Asset, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.headers(headers).header('ETag', asset.etag);
  if (isKnown(request.headers['if-none-match'], asset.etag)) return reply.code(304).send();
  return reply.type(asset.type).send(asset.bytes);
}

function isKnown(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((each) => ['*', etag].includes(each.trim().replace(/^W\//, '')));
}
