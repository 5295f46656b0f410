/** Which variables and keys hold secrets, and the environment without them (agent-runtime §17.7, §17.8). */
import { platformNames } from './keys.ts';
import { isMapping } from './values.ts';

const secretWord =
  /(^|[_.-])(api[_-]?key|apikey|key|token|secret|password|passwd|passphrase|pat|credentials?|sasl|access[_-]?key(?:[_-]?id)?|encrypt[_-]?key|aes[_-]?key|auth)$/i;
const notSecret = new Set(['SSH_AUTH_SOCK', 'require_key', 'key_env', 'api_key_env', 'keyEnv', 'apiKeyEnv']);

/** By its name: API keys, tokens, passwords. */
export function looksSecret(name: string): boolean {
  if (notSecret.has(name)) return false;
  return secretWord.test(name.replace(/([a-z])([A-Z])/g, '$1_$2'));
}

/** Keys and addresses of model providers (agent-runtime §9.2) whose names follow no common pattern. */
const providerNames = new Set([
  'ANTHROPIC_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'COPILOT_GITHUB_TOKEN',
  'GH_TOKEN',
  'GITHUB_TOKEN',
  'HF_TOKEN',
  'NOUS_INFERENCE_BASE_URL',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
  'AWS_BEARER_TOKEN_BEDROCK',
]);

/** `<VENDOR>_API_KEY` and `<VENDOR>_BASE_URL` of any vendor count, because custom endpoints derive them from the host. */
export function isProviderVariable(name: string): boolean {
  return providerNames.has(name) || /^[A-Z0-9]+(_[A-Z0-9]+)*_(API_KEY|BASE_URL)$/.test(name);
}

/** Prefixes whose variables belong to the gateway or its services; no tool child gets any of them. */
const closedPrefixes = [
  ...platformNames
    .filter((name) => name !== 'local' && name !== 'line')
    .map((name) => `${name.toUpperCase()}_`),
  'LINE_',
  'OPENAI_',
  'ANTHROPIC_',
  'AUXILIARY_',
  'HASS_',
  'TWILIO_',
  'QQ_',
  'GATEWAY_',
  'GITHUB_APP_',
  'MODAL_',
  'DAYTONA_',
  'BROWSERBASE_',
  'HERMES_DASHBOARD_',
];

function isClosed(name: string): boolean {
  return (
    name === 'HERMES_DATABASE_URL' ||
    looksSecret(name) ||
    isProviderVariable(name) ||
    closedPrefixes.some((prefix) => name.startsWith(prefix))
  );
}

/**
 * The environment tools may see. `passthrough` names are given back, except those of model providers, which can
 * never be allowed. Marks the child as running inside the gateway, so that it cannot stop its own host.
 */
export function childEnvironment(
  env: Readonly<Record<string, string>>,
  passthrough: readonly string[],
): Readonly<Record<string, string>> {
  const child: Record<string, string> = {};
  const allowed = new Set(passthrough);
  for (const [name, value] of Object.entries(env)) {
    const open = !isClosed(name) && !hasCredentials(value);
    if (open || (allowed.has(name) && !isProviderVariable(name))) child[name] = value;
  }
  return { ...child, _HERMES_GATEWAY: '1', HERMES_EXEC_ASK: '1', HERMES_QUIET: '1' };
}

function hasCredentials(value: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i.test(value);
}

/** Shorter values would redact ordinary words. */
const shortestSecret = 8;

/** Every secret value in the environment and in configuration data, for redaction; each once, longest first. */
export function secretValues(
  env: Readonly<Record<string, string>>,
  data: readonly unknown[],
  more: readonly (string | undefined)[],
): string[] {
  const found = new Set<string>();
  const add = (value: unknown) => {
    if (typeof value !== 'string') return;
    if (value.length >= shortestSecret && value !== 'no-key-required') found.add(value);
  };
  for (const [name, value] of Object.entries(env)) {
    if (looksSecret(name)) add(value);
    if (hasCredentials(value)) add(passwordOf(value));
  }
  const walk = (value: unknown, name: string) => {
    if (typeof value === 'string') {
      if (looksSecret(name)) add(value);
      if (hasCredentials(value)) add(passwordOf(value));
    } else if (Array.isArray(value)) {
      for (const item of value) walk(item, name);
    } else if (isMapping(value)) {
      for (const [key, item] of Object.entries(value)) walk(item, key);
    }
  };
  for (const part of data) walk(part, '');
  for (const value of more) add(value);
  return [...found].sort((a, b) => b.length - a.length);
}

/** A file of a platform may name new ones for as long as the gateway runs. */
const mostSecrets = 10_000;

/** What becomes known later, e.g. in a file that is read again. Whoever holds the list redacts it from now on. */
export function addSecrets(known: string[], values: readonly string[]): void {
  for (const value of values)
    if (value.length >= shortestSecret && known.length < mostSecrets && !known.includes(value))
      known.push(value);
}

function passwordOf(url: string): string | undefined {
  return /^[^:]+:\/\/[^/\s:@]*:([^/\s@]+)@/.exec(url)?.[1];
}

/** `sk-abc...wxyz`, or `***` when short: enough to recognise, too little to use. */
export function mask(value: string): string {
  return value.length < 18 ? '***' : `${value.slice(0, 6)}...${value.slice(-4)}`;
}

const placeholders = new Set(
  '* ** *** changeme your_api_key your_api_key_here your-api-key placeholder example dummy null none'.split(
    ' ',
  ),
);

/** Values that people leave from a template (gateway-core §2.2). */
export function isPlaceholder(value: string, shortest = 4): boolean {
  const word = value.trim().toLowerCase();
  return word.length < shortest || placeholders.has(word);
}
