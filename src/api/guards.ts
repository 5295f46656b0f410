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

/**
 * Decides whether the server may start, before anything is opened (api-server §1.3, rulings K1 and K2).
 * Answers the warnings to show; throws BIND_WITHOUT_KEY or WEAK_KEY.
 */
export async function checkStart(
  settings: Pick<Settings, 'api' | 'terminal'>,
  isNetworkAccessible: (host: string) => Promise<boolean>,
): Promise<string[]> {
  const { host, requireKey, corsOrigins } = settings.api;
  const key = settings.api.key?.trim() ?? '';
  const network = await isNetworkAccessible(host);
  if (network && key === '') fail('BIND_WITHOUT_KEY', { host });
  const min = requireKey ? 16 : 8;
  if ((network || requireKey) && isWeak(key, min)) fail('WEAK_KEY', { min });

  const warnings: string[] = [];
  if (key === '') {
    warnings.push(
      'The API server has no API_SERVER_KEY: every program on this machine can use the agent and its tools. Set API_SERVER_KEY to close it.',
    );
    if (corsOrigins.includes('*')) {
      warnings.push(
        'API_SERVER_CORS_ORIGINS=* is not honoured for agent requests without API_SERVER_KEY: any web page could drive the agent.',
      );
    }
  } else if (!network && isWeak(key, 16)) {
    warnings.push('API_SERVER_KEY is a placeholder or shorter than 16 characters.');
  }
  if (network && settings.terminal.backend === 'local') {
    warnings.push(
      `The API server listens on ${host} while terminal.backend is local: holders of the key run commands on this machine without a sandbox.`,
    );
  }
  return warnings;
}
