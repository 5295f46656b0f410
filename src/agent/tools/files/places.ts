/** Which files the tools never open (agent-runtime §16.3, §16.4). Paths are real: symlinks are already resolved. */

import { homedir } from 'node:os';
import { basename, dirname, join, sep } from 'node:path';

export interface Places {
  /** HERMES_HOME. */
  readonly home: string;
  /** Home directories of the user the tools run as; the first is `~`. */
  readonly userHomes: readonly string[];
  /** Only below this directory may be written. */
  readonly writeRoot: string | undefined;
}

export function placesOf(settings: {
  readonly home: string;
  readonly writeSafeRoot: string | undefined;
  readonly childEnv: Readonly<Record<string, string>>;
}): Places {
  // What `~` means to the children comes first; the home of the account is protected as well.
  const homes = [settings.childEnv['HOME'], homedir(), join(settings.home, 'home')];
  return {
    home: settings.home,
    userHomes: [...new Set(homes.filter((each): each is string => each !== undefined && each.length > 1))],
    writeRoot: settings.writeSafeRoot,
  };
}

const secretFiles = [
  'auth.json',
  'auth.lock',
  '.anthropic_oauth.json',
  '.env',
  'webhook_subscriptions.json',
  'auth/google_oauth.json',
  'cache/bws_cache.json',
  // Everybody's conversations. Merely opening and closing the file in this process would also drop the lock on it.
  'gateway.db',
  'gateway.db-wal',
  'gateway.db-shm',
];
const secretFolders = ['mcp-tokens', 'skills/.hub'];
const environmentFiles = /^(?:\.env(?:\.(?:local|development|production|test|staging))?|\.envrc)$/;

/** Profile homes lie in `<root>/profiles/<name>`; secrets of the root are secrets of every profile. */
export function rootHome(home: string): string {
  return basename(dirname(home)) === 'profiles' ? dirname(dirname(home)) : home;
}

/** Every home of this product on the machine: the one in use, its root, and the default one beside it. */
function productHomes(places: Places): readonly string[] {
  const usual = places.userHomes.map((home) => join(home, '.hermes'));
  return [...new Set([places.home, rootHome(places.home), ...usual])];
}

/** Files and folders of this product that must not be read, for those who walk a tree. */
export function secretPaths(places: Places): readonly string[] {
  return productHomes(places).flatMap((home) =>
    [...secretFiles, ...secretFolders].map((name) => join(home, name)),
  );
}

/** Why `path` must not be read, or undefined. */
export function readRefusal(path: string, places: Places): string | undefined {
  const file = fold(path);
  if (environmentFiles.test(basename(file))) return 'it is an environment file, which usually holds secrets';
  for (const home of productHomes(places)) {
    for (const name of secretFiles)
      if (file === fold(join(home, name))) return 'it holds credentials or conversations';
    for (const name of secretFolders)
      if (isBelow(file, fold(join(home, name)))) return 'it holds credentials';
  }
  // Other profiles keep the same files.
  if (
    /\/profiles\/[^/]{1,100}\/(?:auth\.json|auth\.lock|\.anthropic_oauth\.json|webhook_subscriptions\.json|mcp-tokens\/.*)$/.test(
      file,
    ) &&
    isBelow(file, fold(rootHome(places.home)))
  ) {
    return 'it holds credentials';
  }
  if (/^\/proc\/(?:.{1,200}\/)?(?:environ|mem|auxv|kcore|kmem)$/.test(file))
    return 'it shows the memory of a process';
  return undefined;
}

const systemFolders = [
  '/etc',
  '/boot',
  '/usr/lib/systemd',
  '/lib/systemd',
  '/private/etc',
  '/private/var',
  '/proc',
  '/sys',
  '/dev',
];
const productFiles = [
  'config.yaml',
  'auth.json',
  'auth.lock',
  'webhook_subscriptions.json',
  '.env',
  '.anthropic_oauth.json',
  'gateway.pid',
];
const productFolders = ['mcp-tokens', 'pairing', 'auth'];
const homeFolders = ['.ssh', '.aws', '.gnupg', '.kube', '.docker', '.azure', '.config/gh', '.config/gcloud'];
const homeFiles =
  '.bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile .zlogin .zlogout .kshrc .cshrc .tcshrc .login .config/fish/config.fish .netrc .pgpass .npmrc .pypirc .git-credentials'.split(
    ' ',
  );

/** Why `path` must not be written, or undefined. */
export function writeRefusal(path: string, places: Places): string | undefined {
  const file = fold(path);
  for (const folder of systemFolders) {
    // A temporary folder of macOS lies below /private/var.
    if (isBelow(file, folder) && !/^\/private\/var\/folders\//.test(file)) return 'it is part of the system';
  }
  if (/(?:^|\/)docker\.sock$/.test(file)) return 'it controls the container service';
  for (const home of productHomes(places)) {
    for (const name of productFiles) if (file === fold(join(home, name))) return 'it configures this gateway';
    for (const name of productFolders)
      if (isBelow(file, fold(join(home, name)))) return 'it configures this gateway';
    if (dirname(file) === fold(home) && /^(?:gateway|state)\.db/.test(basename(file)))
      return 'it is the database of this gateway';
  }
  for (const home of places.userHomes) {
    for (const name of homeFolders) if (isBelow(file, fold(join(home, name)))) return 'it holds credentials';
    for (const name of homeFiles)
      if (file === fold(join(home, name))) return 'it changes every login or holds credentials';
  }
  if (places.writeRoot !== undefined && !isBelow(file, fold(places.writeRoot))) {
    return `only ${places.writeRoot} may be written (HERMES_WRITE_SAFE_ROOT)`;
  }
  return undefined;
}

/**
 * The profile that owns `path` when it is another one's skill, plugin, job or memory; writing there needs
 * `cross_profile`.
 */
export function foreignProfile(path: string, places: Places): string | undefined {
  const root = rootHome(places.home);
  if (!isBelow(path, root) || path === root) return undefined;
  const parts = path.slice(root.length + 1).split(sep);
  const inProfile = parts[0] === 'profiles';
  const owner = inProfile ? (parts[1] ?? '') : 'default';
  const ours = places.home === root ? 'default' : basename(places.home);
  const area = parts[inProfile ? 2 : 0] ?? '';
  return owner !== ours && /^(?:skills|plugins|cron|memories)$/.test(area) ? owner : undefined;
}

export function isBelow(path: string, folder: string): boolean {
  const base = folder.endsWith(sep) ? folder.slice(0, -1) : folder;
  return path === base || path.startsWith(base + sep);
}

/** Names differ only by case on file systems that ignore it. */
function fold(path: string): string {
  return process.platform === 'darwin' || process.platform === 'win32' ? path.toLowerCase() : path;
}
