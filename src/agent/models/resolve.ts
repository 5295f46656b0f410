/**
 * From configuration to one endpoint (agent-runtime §9.1–9.3). Pure: reads no file, no environment, no network.
 *
 * Keys are scoped: a key is only ever sent to its own host. `model.api_key` belongs to the endpoint of the `model`
 * block, a registry variable to the host of its row (or to the host its base-URL variable names), and
 * `<VENDOR>_API_KEY` to hosts of that vendor. An endpoint without a key gets the literal `no-key-required`.
 */
import { isIP } from 'node:net';
import type { Settings } from '../../config/settings.ts';
import { fail } from '../../core/errors.ts';
import type { ModelChoice } from '../contract.ts';
import { customNames, findProvider, type Mode, modeFor, type Provider, providers } from './registry.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Everything a wire adapter needs to call one model. */
export interface Endpoint {
  readonly kind: 'endpoint';
  /** Provider id, `custom` or `custom:<name>`. */
  readonly provider: string;
  readonly model: string;
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly mode: Mode;
  readonly vision: boolean;
  readonly maxTokens?: number;
  readonly requestTimeoutMs?: number;
  readonly staleTimeoutMs?: number;
  readonly extraBody?: Readonly<Record<string, unknown>>;
}

export type Resolution = Endpoint | { readonly kind: 'demo' };

export const keyless = 'no-key-required';

type ModelPart = Pick<Settings, 'model' | 'providers'>;

/**
 * The endpoint of a choice, or of the configured model when there is none. Nothing configured at all gives the
 * demo model; anything configured but unusable throws NO_MODEL.
 */
export function resolveModel(choice: ModelChoice | undefined, settings: ModelPart, env: Env): Resolution {
  const configured = settings.model;
  const wanted = choice?.provider ?? (choice?.baseUrl === undefined ? configured.provider : 'custom');
  const provider = wanted.trim().toLowerCase();
  const model = choice?.model ?? (sameProvider(choice, configured.provider) ? configured.name : '');
  if (provider === 'demo') return { kind: 'demo' };
  const named = namedProvider(provider, settings.providers);
  if (named !== undefined) return fromNamed(named, model, choice, settings);
  if (provider === 'auto' || provider === '') return auto(model, choice, settings, env);
  const known = findProvider(provider);
  if (known !== undefined) return fromRegistry(known, model, choice, settings, env);
  if (customNames.includes(provider)) return fromCustom(model, choice, settings, env);
  return fail('NO_MODEL', { why: `the provider \`${wanted}\` is not known` });
}

function auto(model: string, choice: ModelChoice | undefined, settings: ModelPart, env: Env): Resolution {
  const baseUrl = choice?.baseUrl ?? settings.model.baseUrl;
  if (baseUrl !== undefined) return fromCustom(model, choice, settings, env);
  const withKey = providers.find((p) => p.auto !== false && keyOf(p, env) !== undefined);
  if (withKey !== undefined) return fromRegistry(withKey, model, choice, settings, env);
  if (model === '' && settings.model.apiKey === undefined) return { kind: 'demo' };
  return fail('NO_MODEL', { why: 'No inference provider configured: no key of a known provider was found' });
}

function fromRegistry(
  provider: Provider,
  name: string,
  choice: ModelChoice | undefined,
  settings: ModelPart,
  env: Env,
): Endpoint {
  if (provider.keys.length === 0) {
    fail('NO_MODEL', {
      why: `the provider \`${provider.id}\` needs a sign-in that this gateway does not offer`,
    });
  }
  const own = findProvider(settings.model.provider)?.id === provider.id;
  const explicit = choice?.baseUrl ?? (own ? settings.model.baseUrl : undefined);
  const home = (provider.baseUrlEnv && env[provider.baseUrlEnv]) || provider.baseUrl;
  const baseUrl = checkedUrl(explicit ?? home, `the base URL of ${provider.id}`);
  const atHome = home !== '' && hostOf(baseUrl) === hostOf(home);
  const apiKey =
    choice?.apiKey ??
    configuredKey(baseUrl, provider.id, settings) ??
    (atHome ? keyOf(provider, env) : keyOfHost(baseUrl, env)) ??
    (isLocal(baseUrl) ? keyless : undefined);
  if (apiKey === undefined) {
    fail('NO_MODEL', { why: `no key for ${provider.id}: none of ${provider.keys.join(', ')} is set` });
  }
  const model = name || provider.defaultModel;
  if (model === undefined)
    fail('NO_MODEL', { why: `model.default is not set for the provider ${provider.id}` });
  const mode =
    asMode(own ? settings.model.apiMode : undefined) ?? modeByUrl(explicit) ?? modeFor(provider, model);
  return endpoint(provider.id, model, baseUrl, apiKey, mode, settings, own);
}

function fromCustom(model: string, choice: ModelChoice | undefined, settings: ModelPart, env: Env): Endpoint {
  const url = choice?.baseUrl ?? settings.model.baseUrl;
  if (url === undefined) fail('NO_MODEL', { why: 'model.base_url is not set for the provider `custom`' });
  const baseUrl = checkedUrl(url, 'model.base_url');
  const known = providers.find((p) => p.baseUrl !== '' && hostOf(p.baseUrl) === hostOf(baseUrl));
  const apiKey =
    choice?.apiKey ??
    configuredKey(baseUrl, 'custom', settings) ??
    (known && keyOf(known, env)) ??
    keyOfHost(baseUrl, env) ??
    keyless;
  const name = model || known?.defaultModel;
  if (name === undefined) fail('NO_MODEL', { why: 'model.default is not set' });
  const mode =
    asMode(settings.model.apiMode) ?? modeByUrl(baseUrl) ?? (known ? modeFor(known, name) : 'chat');
  return endpoint('custom', name, baseUrl, apiKey, mode, settings, true);
}

function fromNamed(
  name: string,
  wanted: string,
  choice: ModelChoice | undefined,
  settings: ModelPart,
): Endpoint {
  const entry = settings.providers[name];
  if (entry === undefined) return fail('NO_MODEL', { why: `providers.${name} is not configured` });
  const baseUrl = checkedUrl(choice?.baseUrl ?? entry.baseUrl, `providers.${name}.base_url`);
  const own = hostOf(baseUrl) === hostOf(entry.baseUrl);
  const model = wanted || entry.model;
  if (model === undefined) fail('NO_MODEL', { why: `providers.${name}.model is not set` });
  const mode = asMode(entry.apiMode) ?? modeByUrl(baseUrl) ?? 'chat';
  const apiKey = choice?.apiKey ?? (own ? entry.apiKey : undefined) ?? keyless;
  return {
    ...endpoint(`custom:${name}`, model, baseUrl, apiKey, mode, settings, false),
    ...(entry.requestTimeoutMs !== undefined && { requestTimeoutMs: entry.requestTimeoutMs }),
    ...(entry.staleTimeoutMs !== undefined && { staleTimeoutMs: entry.staleTimeoutMs }),
    ...(entry.extraBody !== undefined && { extraBody: entry.extraBody }),
  };
}

function endpoint(
  provider: string,
  model: string,
  baseUrl: string,
  apiKey: string,
  mode: Mode,
  settings: ModelPart,
  /** The endpoint is the one of the `model` block, whose limits then hold. */
  own: boolean,
): Endpoint {
  const { maxTokens, supportsVision } = settings.model;
  return {
    kind: 'endpoint',
    provider,
    model,
    baseUrl,
    apiKey,
    mode,
    vision: (own ? supportsVision : undefined) ?? seesImages(provider, mode, model),
    ...(own && maxTokens !== undefined && { maxTokens }),
  };
}

/** `custom:<name>`, or a bare name of the `providers:` block that hides no built-in id (aliases give way). */
function namedProvider(provider: string, named: ModelPart['providers']): string | undefined {
  const names = Object.keys(named);
  if (provider.startsWith('custom:')) {
    const name = provider.slice('custom:'.length);
    return names.find((candidate) => candidate.toLowerCase() === name) ?? name;
  }
  if (findProvider(provider)?.id === provider || provider === 'custom') return undefined;
  return names.find((candidate) => candidate.toLowerCase() === provider);
}

function sameProvider(choice: ModelChoice | undefined, configured: string): boolean {
  if (choice?.baseUrl !== undefined) return false;
  if (choice?.provider === undefined) return true;
  return canonical(choice.provider) === canonical(configured);
}

function canonical(provider: string): string {
  const name = provider.trim().toLowerCase();
  return findProvider(name)?.id ?? (customNames.includes(name) ? 'custom' : name);
}

/** `model.api_key`, when the endpoint is really the one of the `model` block. */
function configuredKey(baseUrl: string, provider: string, { model }: ModelPart): string | undefined {
  if (model.apiKey === undefined) return undefined;
  if (model.baseUrl !== undefined)
    return hostOf(model.baseUrl) === hostOf(baseUrl) ? model.apiKey : undefined;
  const home = findProvider(model.provider);
  return home !== undefined && home.id === provider ? model.apiKey : undefined;
}

function keyOf(provider: Provider, env: Env): string | undefined {
  return provider.keys.map((name) => env[name]?.trim()).find((value) => value !== undefined && value !== '');
}

const registryKeys = new Set(providers.flatMap((p) => p.keys));

/** `GROQ_API_KEY` for api.groq.com. Variables that belong to a registry row never leave that row's host. */
function keyOfHost(baseUrl: string, env: Env): string | undefined {
  const host = new URL(baseUrl).hostname;
  const vendor = isIP(host) === 0 ? host.split('.').at(-2) : undefined;
  if (vendor === undefined) return undefined;
  const name = `${vendor.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_API_KEY`;
  return registryKeys.has(name) ? undefined : env[name]?.trim() || undefined;
}

function checkedUrl(url: string, what: string): string {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
    fail('NO_MODEL', { why: `${what} is not an http(s) URL` });
  return url.replace(/\/+$/, '');
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}

const modes: Readonly<Record<string, Mode>> = {
  chat: 'chat',
  chat_completions: 'chat',
  responses: 'responses',
  codex_responses: 'responses',
  anthropic: 'anthropic',
  anthropic_messages: 'anthropic',
  google: 'google',
  gemini: 'google',
};

function asMode(apiMode: string | undefined): Mode | undefined {
  if (apiMode === undefined || apiMode === '' || apiMode === 'auto') return undefined;
  return modes[apiMode] ?? fail('NO_MODEL', { why: `api_mode \`${apiMode}\` is not known` });
}

/** agent-runtime §6: what the address alone says about the wire format. */
function modeByUrl(url: string | undefined): Mode | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { hostname, pathname } = new URL(url);
  if (hostname === 'api.openai.com' || hostname === 'api.x.ai') return 'responses';
  if (/\/anthropic\/?$/.test(pathname) || hostname === 'api.anthropic.com') return 'anthropic';
  if (hostname === 'api.kimi.com' && pathname.startsWith('/coding')) return 'anthropic';
  if (hostname === 'generativelanguage.googleapis.com' && !pathname.includes('openai')) return 'google';
  return undefined;
}

const seeing =
  /gpt-4o|gpt-4\.1|gpt-4-turbo|gpt-5|\bo[34]\b|claude|gemini|grok-[4-9]|vision|-vl|llava|pixtral|llama-4|gemma-3|omni|4\.\dv/i;

/**
 * Names tell for the known vendors. What stands behind an address of the operator's own cannot be known: images are
 * passed on there, and `model.supports_vision: false` says when they should not be.
 */
function seesImages(provider: string, mode: Mode, model: string): boolean {
  return mode !== 'chat' || provider === 'custom' || provider.startsWith('custom:') || seeing.test(model);
}

/** agent-runtime §3: loopback, container hosts, RFC 1918, link-local names and CGNAT (Tailscale). */
export function isLocal(baseUrl: string): boolean {
  const host = new URL(baseUrl).hostname.replace(/^\[|\]$/g, '');
  if (host === 'localhost' || host === '::1' || host === '0.0.0.0') return true;
  if (/\.(docker|containers|lima)\.internal$/.test(host)) return true;
  if (isIP(host) !== 4) return false;
  const [a = 0, b = 0] = host.split('.').map(Number);
  if (a === 127 || a === 10) return true;
  if (a === 172) return b >= 16 && b <= 31;
  if (a === 192) return b === 168;
  return a === 100 && b >= 64 && b <= 127;
}
