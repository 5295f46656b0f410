const methods = 'GET, POST, PUT, PATCH, DELETE, OPTIONS';
const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'X-Hermes-Session-Id',
  'X-Hermes-Session-Key',
];
const exposed = [
  'X-Hermes-Session-Id',
  'X-Hermes-Session-Key',
  'X-Hermes-Model',
  'X-Hermes-Ignored',
  'X-Hermes-Completed',
  'X-Hermes-Partial',
  'X-Hermes-Error',
  'Idempotency-Replayed',
  'Retry-After',
  'X-Request-Id',
].join(', ');

export type CorsVerdict =
  /** No `Origin`: not a browser's cross-origin request. */
  | { readonly kind: 'absent' }
  /** The gateway's own page asks. */
  | { readonly kind: 'own' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'allowed'; readonly wildcard: boolean; readonly headers: Record<string, string> };

interface CorsRequest {
  readonly method: string;
  readonly origin: string | undefined;
  readonly host: string | undefined;
  /** `Sec-Fetch-Site`: what the browser says about the origin and the address it asks. */
  readonly fetchSite: string | undefined;
  /** `Access-Control-Request-Headers` of a preflight. */
  readonly wanted: string | undefined;
}

/** The table of api-server §2.3 as a function; `refused` is answered 403 with an empty body before anything else. */
export function cors(origins: readonly string[], request: CorsRequest): CorsVerdict {
  const { origin } = request;
  if (origin === undefined) return { kind: request.method === 'OPTIONS' ? 'refused' : 'absent' };
  if (isOwn(origin, request)) return { kind: 'own' };
  const wildcard = origins.includes('*');
  if (!wildcard && !origins.includes(origin)) return { kind: 'refused' };
  return {
    kind: 'allowed',
    wildcard,
    headers: {
      'Access-Control-Allow-Origin': wildcard ? '*' : origin,
      ...(wildcard ? {} : { Vary: 'Origin' }),
      'Access-Control-Allow-Methods': methods,
      'Access-Control-Allow-Headers': headerList(request.wanted),
      'Access-Control-Expose-Headers': exposed,
      'Access-Control-Max-Age': '600',
    },
  };
}

/**
 * Browsers send `Origin` with every POST, also to where the page came from. Over plain HTTP on a network address they
 * do not say which of the two it is, so there the names are compared. A page that re-points its own name is its own
 * origin, too: `browserRefusal` and the key stop it.
 */
function isOwn(origin: string, { host, fetchSite }: CorsRequest): boolean {
  if (fetchSite !== undefined) return fetchSite === 'same-origin';
  return host !== undefined && /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() === host.toLowerCase();
}

/** Official SDKs add their own headers in a browser, so what an allowed origin asks for is allowed. */
function headerList(wanted: string | undefined): string {
  const known = new Set(allowedHeaders.map((name) => name.toLowerCase()));
  const extra = (wanted ?? '')
    .slice(0, 2_000)
    .split(',')
    .map((name) => name.trim())
    .filter((name) => /^[\w-]{1,64}$/.test(name) && !known.has(name.toLowerCase()));
  return [...allowedHeaders, ...extra].join(', ');
}

/** Host name without port, lower case, IPv6 without brackets; undefined when it cannot be one. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/\\@\s]+))(?::\d{1,5})?$/i.exec(host ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function isLoopbackName(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name) ||
    name === '::1' ||
    name === '::ffff:127.0.0.1'
  );
}

/**
 * Why a keyless server refuses a request that a web page may have caused, or undefined. A page that re-points its own
 * name at 127.0.0.1 sends no foreign `Origin`, but its own name as `Host`; a page that embeds our URL sends
 * `Sec-Fetch-Site`. Only origins the operator listed by name pass.
 */
export function browserRefusal(
  headers: { readonly host: string | undefined; readonly fetchSite: string | undefined },
  verdict: CorsVerdict,
): string | undefined {
  const name = hostName(headers.host);
  if (name === undefined || !isLoopbackName(name)) {
    return 'Without API_SERVER_KEY the server answers only requests addressed to localhost.';
  }
  return isForeignPage(headers.fetchSite, verdict)
    ? 'Requests from web pages need API_SERVER_KEY to be configured.'
    : undefined;
}

/**
 * True when a web page that the operator has not listed by name may have caused the request. Matters where nothing
 * that only the caller knows comes with it, because browsers send the rest for any page.
 */
export function isForeignPage(fetchSite: string | undefined, verdict: CorsVerdict): boolean {
  if (verdict.kind === 'allowed') return verdict.wildcard;
  return fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none';
}
