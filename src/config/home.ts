/** Where the configuration lives: HERMES_HOME, profiles, and the files inside (gateway-core §1.2, §1.8). */
import { chmodSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fail } from '../core/errors.ts';

export interface HomeFiles {
  readonly home: string;
  readonly config: string;
  readonly env: string;
  readonly legacy: string;
  readonly logs: string;
  readonly database: string;
  readonly pid: string;
}

const profileName = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Absolute path of the home; `profile` selects `<home>/profiles/<profile>`. Throws BAD_USAGE for a bad name. */
export function homeFolder(env: Readonly<Record<string, string | undefined>>, profile?: string): string {
  const user = env['HOME'] || homedir();
  const written = env['HERMES_HOME'];
  const root = written ? resolve(expandTilde(written, user)) : join(user, '.hermes');
  if (profile === undefined || profile === 'default') return root;
  if (!profileName.test(profile))
    fail('BAD_USAGE', {
      why: `"${profile}" is no profile name: use a-z, 0-9, - and _, at most 64 characters.`,
    });
  return join(root, 'profiles', profile);
}

export function filesOf(home: string): HomeFiles {
  return {
    home,
    config: join(home, 'config.yaml'),
    env: join(home, '.env'),
    legacy: join(home, 'gateway.json'),
    logs: join(home, 'logs'),
    database: join(home, 'gateway.db'),
    pid: join(home, 'gateway.pid'),
  };
}

/** Creates the home and its log folder for this user alone. */
export function createHome(home: string): void {
  mkdirSync(join(home, 'logs'), { recursive: true, mode: 0o700 });
  chmodSync(home, 0o700);
}

export function expandTilde(path: string, user: string): string {
  return path === '~' || path.startsWith('~/') ? join(user, path.slice(1)) : path;
}
