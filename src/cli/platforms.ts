/** Every platform of the product: one folder under `src/platforms` with a manifest. */
import { readdir } from 'node:fs/promises';
import type { PlatformSpec } from '../config/platforms.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Platform } from '../platforms/contract.ts';

const folder = new URL('../platforms/', import.meta.url);

/** Manifests are data and cheap to load; the adapter's code is loaded when its configuration is asked for. */
export async function knownPlatforms(): Promise<readonly PlatformSpec[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const specs = entries
    .filter((entry) => entry.isDirectory())
    .map(async ({ name }): Promise<PlatformSpec | undefined> => {
      const at = new URL(`${name}/`, folder);
      const files = await readdir(at);
      if (!files.includes('manifest.ts') || !files.includes('adapter.ts')) return undefined;
      const { manifest } = (await import(new URL('manifest.ts', at).href)) as { readonly manifest: Manifest };
      return {
        manifest,
        async config() {
          const module = await import(new URL('adapter.ts', at).href);
          return (module as { readonly default: Platform<unknown> }).default.config;
        },
      };
    });
  const found = (await Promise.all(specs)).filter((spec) => spec !== undefined);
  return found.sort((a, b) => a.manifest.name.localeCompare(b.manifest.name));
}
