/** Every platform of the product, as configuration needs them. */
import type { PlatformSpec } from '../config/platforms.ts';
import { listPlatforms, loadPlatform } from '../platforms/registry.ts';

/** Manifests are data and cheap to load; an adapter's code is loaded when its configuration is asked for. */
export async function knownPlatforms(): Promise<readonly PlatformSpec[]> {
  const manifests = await listPlatforms();
  return manifests.map((manifest) => ({
    manifest,
    config: async () => (await loadPlatform(manifest.name)).config,
  }));
}
