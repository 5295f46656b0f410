/**
 * Finds platforms by looking into a folder: a subfolder with `manifest` and `adapter` (`.ts` from source, `.js`
 * when built) is a platform. Nothing else has to be edited to add one.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Manifest } from '../core/manifest.ts';
import type { Platform } from './contract.ts';

/** A folder is there but is not a platform this version can load. */
export class BrokenPlatform extends Error {
  readonly platform: string;
  constructor(platform: string, why: string, options: { cause?: unknown } = {}) {
    super(`platform ${platform}: ${why}`, options);
    this.name = 'BrokenPlatform';
    this.platform = platform;
  }
}

/** Holds from source, and wherever a bundler puts this code one folder below the root. */
const platformFolder = join(import.meta.dirname, '..', 'platforms');

const validName = /^[a-z][a-z0-9_]*$/;

/** The data of every platform, by name. Runs no adapter code. Throws `BrokenPlatform` naming the first bad one. */
export async function listPlatforms(root: string = platformFolder): Promise<Manifest[]> {
  const entries = await readdir(root, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && isPlatform(root, entry.name));
  const manifests = await Promise.all(names.map(({ name }) => loadManifest(root, name)));
  return manifests.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Loads one platform with its adapter. Throws `BrokenPlatform` when there is none of that name. */
export async function loadPlatform(name: string, root: string = platformFolder): Promise<Platform<unknown>> {
  if (!isPlatform(root, name)) throw new BrokenPlatform(name, 'there is no platform of this name');
  const manifest = await loadManifest(root, name);
  const module = await load(root, name, 'adapter');
  const platform = module['default'];
  if (!isRecord(platform) || typeof platform['open'] !== 'function')
    throw new BrokenPlatform(name, 'adapter has no default export with an open function');
  if (platform['manifest'] !== manifest)
    throw new BrokenPlatform(name, 'the adapter does not export the manifest of its folder');
  return platform as unknown as Platform<unknown>;
}

function isPlatform(root: string, name: string): boolean {
  return (
    validName.test(name) &&
    file(root, name, 'manifest') !== undefined &&
    file(root, name, 'adapter') !== undefined
  );
}

async function loadManifest(root: string, name: string): Promise<Manifest> {
  const manifest = (await load(root, name, 'manifest'))['manifest'];
  if (!isRecord(manifest)) throw new BrokenPlatform(name, 'manifest has no export named manifest');
  if (manifest['api'] !== 1)
    throw new BrokenPlatform(
      name,
      `it is written for version ${String(manifest['api'])} of the contract, this is 1`,
    );
  if (manifest['name'] !== name)
    throw new BrokenPlatform(name, `its manifest says another name: ${String(manifest['name'])}`);
  return manifest as unknown as Manifest;
}

async function load(root: string, name: string, part: string): Promise<Record<string, unknown>> {
  const path = file(root, name, part);
  if (path === undefined) throw new BrokenPlatform(name, `${part} is missing`);
  try {
    return await import(/* @vite-ignore */ pathToFileURL(path).href);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BrokenPlatform(name, `${part} cannot be loaded: ${why}`, { cause });
  }
}

function file(root: string, name: string, part: string): string | undefined {
  return ['ts', 'js'].map((suffix) => join(root, name, `${part}.${suffix}`)).find((path) => existsSync(path));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
