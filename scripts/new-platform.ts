/**
 * Makes a platform folder that already passes the conformance kit against its own fake:
 *
 *     npm run new-platform NAME [-- --dir FOLDER]
 *
 * NAME is the folder and config key (`my_net`); FOLDER defaults to src/platforms.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

const root = resolve(import.meta.dirname, '..');
const template = join(import.meta.dirname, 'platform-template');

/** Throws with a sentence for people; on any failure nothing is left behind. Returns the new folder. */
export async function newPlatform(name: string, parent = join(root, 'src/platforms')): Promise<string> {
  if (!/^[a-z][a-z0-9_]*$/.test(name))
    throw new Error(`A platform name is lower-case letters, digits and _, and starts with a letter: ${name}`);
  const folder = join(parent, name);
  if (existsSync(folder)) throw new Error(`${relative(root, folder)} is already there.`);
  try {
    for (const [file, text] of await platformFiles(name, folder)) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    await format(folder);
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The files of a platform that is to be in `folder`, by absolute path. */
export async function platformFiles(name: string, folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(template, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const home = join(folder, relative(template, entry.parentPath));
    const text = await readFile(join(entry.parentPath, entry.name), 'utf8');
    files.set(join(home, entry.name), rename(reimport(text, entry.parentPath, home), name));
  }
  return files;
}

/** Imports that leave the template point to the same files from the new place. */
function reimport(text: string, from: string, to: string): string {
  return text.replace(/(from ')(\.\.\/[^']+)(')/g, (whole, before, path, after) => {
    const target = resolve(from, path);
    const inside = !relative(template, target).startsWith('..');
    return inside ? whole : `${before}${relative(to, target).replaceAll('\\', '/')}${after}`;
  });
}

function rename(text: string, name: string): string {
  const words = name.split('_').filter((word) => word !== '');
  const title = words.map((word) => word[0]!.toUpperCase() + word.slice(1));
  return text
    .replaceAll('class Echonet', `class ${title.join('')}`)
    .replaceAll('new Echonet', `new ${title.join('')}`)
    .replaceAll('api.echonet.example', `api.${words.join('-')}.example`)
    .replaceAll('hermes-echonet', `hermes-${name}`)
    .replaceAll('echonet', name)
    .replaceAll('Echonet', title.join(' '))
    .replaceAll('ECHONET', name.toUpperCase());
}

/** Names of another length move line breaks, and another place the order of imports. */
async function format(folder: string): Promise<void> {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  if (!existsSync(biome)) return;
  const args = [biome, 'check', '--write', '--vcs-use-ignore-file=false', '--no-errors-on-unmatched', folder];
  await promisify(execFile)(process.execPath, args, { cwd: root });
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { dir: { type: 'string' } } });
  const [name] = positionals;
  if (name === undefined || positionals.length > 1) {
    console.error('Usage: npm run new-platform NAME [-- --dir FOLDER]');
    process.exitCode = 2;
    return;
  }
  const folder = await newPlatform(name, values.dir === undefined ? undefined : resolve(values.dir));
  const shown = relative(process.cwd(), folder) || folder;
  console.log(`${shown} is a platform. It passes the kit against its own fake: npm test -- ${shown}`);
  console.log(
    `Next: make fake.ts speak the real protocol, then wire.ts and adapter.ts; ${dirname(shown)} needs no edit.`,
  );
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
}
