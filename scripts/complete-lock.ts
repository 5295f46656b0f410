/**
 * Completes package-lock.json: packages for other systems that the registry in use does not offer are left out by npm
 * when it writes the lock file, and `npm ci` then refuses it everywhere. They are entered from their parents'
 * `optionalDependencies`, so that every machine skips or fetches them as it should. Run it after every `npm install`.
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Entry {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  optionalDependencies?: Readonly<Record<string, string>>;
}

const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
];
const processors = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
];

/** What the name says about where the package runs; undefined = nothing, so it is not one of these. */
export function systemOf(name: string): Pick<Entry, 'os' | 'cpu' | 'libc'> | undefined {
  const words = name.split('/').at(-1)?.split('-') ?? [];
  const os = words.filter((word) => systems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  if (cpu.length === 0) return undefined;
  const musl = words.some((word) => word.startsWith('musl'));
  const libc =
    os.includes('linux') && words.length > 2 && (musl || words.some((word) => word.startsWith('gnu')));
  return {
    ...(os.length > 0 ? { os } : {}),
    cpu,
    ...(libc ? { libc: [musl ? 'musl' : 'glibc'] } : {}),
  };
}

/** Folders in which a package at `path` finds its dependencies, the nearest first. */
function lookups(path: string): string[] {
  const folders = [`${path}/node_modules`];
  for (
    let end = path.lastIndexOf('node_modules/');
    end >= 0;
    end = path.lastIndexOf('node_modules/', end - 1)
  ) {
    folders.push(path.slice(0, end + 'node_modules'.length));
    if (end === 0) break;
  }
  return folders;
}

/** Adds what is missing; answers the names. Each stands beside those of its siblings that are there. */
export function complete(packages: Record<string, Entry>): string[] {
  const added: string[] = [];
  for (const [path, parent] of Object.entries(packages)) {
    const wanted = Object.entries(parent.optionalDependencies ?? {});
    const find = (name: string, version: string) =>
      lookups(path).find((folder) => packages[`${folder}/${name}`]?.version === version);
    const home = wanted.map(([name, version]) => find(name, version)).find((folder) => folder !== undefined);
    for (const [name, version] of wanted) {
      const system = systemOf(name);
      if (system === undefined || !/^\d/.test(version) || find(name, version) !== undefined) continue;
      const folder = home ?? `${path}/node_modules`;
      packages[`${folder}/${name}`] = {
        version,
        ...system,
        ...(parent.dev ? { dev: true } : {}),
        optional: true,
      };
      added.push(name);
    }
  }
  return added.sort();
}

if (import.meta.main) {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Entry> };
  const added = complete(lock.packages);
  const ordered = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  writeFileSync(
    'package-lock.json',
    `${JSON.stringify({ ...lock, packages: Object.fromEntries(ordered) }, null, 2)}\n`,
  );
  console.log(`${added.length} packages for other systems entered`);
}
