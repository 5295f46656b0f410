import type { Settings } from '../config/settings.ts';
import { fail } from '../core/errors.ts';

const placeholders: ReadonlySet<string> = new Set([
  '*',
  '**',
  '***',
  'changeme',
  'your_api_key',
  'your_api_key_here',
  'your-api-key',
  'placeholder',
  'example',
  'dummy',
  'null',
  'none',
]);

function isWeak(key: string, min: number): boolean {
  return placeholders.has(key.toLowerCase()) || key.length < min;
}

/** Every secret that opens the server, by the name its operator knows. */
function secretsOf({
  key,
  auth,
}: Settings['api']): readonly { readonly name: string; readonly secret: string }[] {
  const { gateway, keys } = auth;
  const main = key?.trim() ?? '';
  return [
    ...(main === '' ? [] : [{ name: 'API_SERVER_KEY', secret: main }]),
    ...keys.map((each) => ({ name: `the API key ${each.name}`, secret: each.key })),
    ...('secret' in gateway ? [{ name: `gateway.auth.${gateway.mode}`, secret: gateway.secret }] : []),
    ...(gateway.mode === 'trusted-proxy' && gateway.localPassword !== undefined
      ? [{ name: 'gateway.auth.password', secret: gateway.localPassword }]
      : []),
  ];
}

/**
 * Decides whether the server may start, before anything is opened (api-server §1.3, rulings K1 and K2). The rules hold
 * for every secret alike. Answers the warnings to show; throws BIND_WITHOUT_KEY or WEAK_KEY.
 */
export async function checkStart(
  settings: Pick<Settings, 'api' | 'terminal'>,
  isNetworkAccessible: (host: string) => Promise<boolean>,
): Promise<string[]> {
  const { host, requireKey, corsOrigins, auth } = settings.api;
  const secrets = secretsOf(settings.api);
  const isOpen = secrets.length === 0 && auth.gateway.mode !== 'trusted-proxy';
  const network = await isNetworkAccessible(host);
  if (network && isOpen) fail('BIND_WITHOUT_KEY', { host });
  const min = requireKey ? 16 : 8;
  if (requireKey && isOpen) fail('WEAK_KEY', { min, name: 'API_SERVER_KEY' });
  const weak = secrets.find(({ secret }) => isWeak(secret, min));
  if ((network || requireKey) && weak !== undefined) fail('WEAK_KEY', { min, name: weak.name });

  const warnings: string[] = [];
  if (isOpen) {
    warnings.push(
      'The API server has no API_SERVER_KEY: every program on this machine can use the agent and its tools. Set API_SERVER_KEY to close it.',
    );
    if (corsOrigins.includes('*')) {
      warnings.push(
        'API_SERVER_CORS_ORIGINS=* is not honoured for agent requests without API_SERVER_KEY: any web page could drive the agent.',
      );
    }
  } else if (!network) {
    for (const { name } of secrets.filter(({ secret }) => isWeak(secret, 16))) {
      warnings.push(`${name} is a placeholder or shorter than 16 characters.`);
    }
  }
  if (network && settings.terminal.backend === 'local') {
    warnings.push(
      `The API server listens on ${host} while terminal.backend is local: holders of the key run commands on this machine without a sandbox.`,
    );
  }
  return warnings;
}
