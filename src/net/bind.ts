import { isLoopback, placeOf } from './address.ts';
import { bareHost } from './hosts.ts';
import { type Resolve, systemResolve } from './resolve.ts';

/**
 * Can a listener on `host` be reached from outside this machine? (api-server §1.3) Only loopback addresses and
 * names whose addresses are all loopback cannot. A name that does not resolve counts as reachable.
 */
export async function isNetworkAccessible(host: string, resolve: Resolve = systemResolve): Promise<boolean> {
  const name = bareHost(host.trim());
  if (isLoopback(name)) return false;
  if (name === '' || placeOf(name) !== undefined) return true;
  try {
    const found = await resolve(name);
    return found.length === 0 || found.some(({ address }) => !isLoopback(address));
  } catch {
    return true;
  }
}
