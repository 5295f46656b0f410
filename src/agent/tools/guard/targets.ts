/** Places in the file system that command rules talk about, compared as text: nothing is looked up. */

/** `$HOME`, `${HOME}` and the given home directory become `~`; `.` `..` and doubled slashes are resolved. */
export function cleanPath(path: string, home?: string): string {
  let text = path
    .replace(/^\$\{?HERMES_HOME\}?(?=\/|$)/i, '~/.hermes')
    .replace(/^\$\{?HOME\}?(?=\/|$)/i, '~')
    .replace(/^~[a-z_][\w-]{0,31}(?=\/|$)/i, '~');
  if (home !== undefined && home.length > 1 && (text === home || text.startsWith(`${home}/`))) {
    text = `~${text.slice(home.length)}`;
  }
  const root = text.startsWith('/') ? '/' : '';
  const parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..' && parts[0] !== '~') parts.pop();
    else if (part === '..' && root !== '') continue;
    else if (part === '..' && parts.length > 1) parts.pop();
    else parts.push(part);
  }
  return (root + parts.join('/') || '.').toLowerCase();
}

/** What lies at or directly below `/`: `/`, `/*`, `/.*`, `/..`. */
export function isRoot(path: string): boolean {
  return path === '/' || /^\/\.?\*{1,2}$/.test(path);
}

const systemDirectories = new Set(
  ['home', 'root', 'etc', 'usr', 'var', 'bin', 'sbin', 'boot', 'lib'].flatMap((name) => [
    `/${name}`,
    `/${name}/*`,
  ]),
);

export function isSystemDirectory(path: string): boolean {
  return systemDirectories.has(path);
}

export function isHomeDirectory(path: string): boolean {
  return path === '~' || path === '~/*' || path === '~/.*' || path === '~/..';
}

export function isBlockDevice(path: string): boolean {
  return /^\/dev\/(?:sd|nvme|hd|mmcblk|vd|xvd)[a-z0-9]/.test(path);
}

export function isSystemConfig(path: string): boolean {
  return /^(?:\/private)?\/etc\/./.test(path);
}

const protectedNames = new Set(
  '.bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile .zlogin .kshrc .cshrc .tcshrc .netrc .pgpass .npmrc .pypirc'
    .split(' ')
    .map((name) => `~/${name}`),
);

export function isHermesConfig(path: string): boolean {
  return /(?:^|\/)\.hermes\/(?:profiles\/[^/]{1,100}\/)?(?:\.env|config\.yaml)$/.test(path);
}

/** Files whose overwriting changes the machine, the login or this product. */
export function isProtectedFile(path: string): boolean {
  return (
    isSystemConfig(path) ||
    /^\/dev\/sd/.test(path) ||
    path.startsWith('~/.ssh/') ||
    /^(?:\/root|\/home\/[^/]{1,100})\/\.ssh\//.test(path) ||
    protectedNames.has(path) ||
    isHermesConfig(path)
  );
}

/** `.env`, `.env.local` … and `config.yaml` of whatever project is being worked on. */
export function isProjectConfig(path: string): boolean {
  return /(?:^|\/)(?:\.env(?:\.[a-z0-9_-]{1,40})?|config\.yaml)$/.test(path);
}
