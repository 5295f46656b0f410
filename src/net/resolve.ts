/** Names to addresses, as a function, so that a test can play a hostile name server. */
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

export interface Resolved {
  readonly address: string;
  readonly family: 4 | 6;
}

/** All addresses of a name. Rejects when the name has none or the name server fails. */
export type Resolve = (host: string) => Promise<readonly Resolved[]>;

export const systemResolve: Resolve = async (host) => {
  const { lookup } = await import('node:dns/promises');
  const found = await lookup(host, { all: true, order: 'ipv4first' });
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
};

/**
 * A `lookup` for sockets that connects only to addresses `check` lets pass. The addresses that were checked are
 * the ones connected to, so a second answer of the name server (rebinding) has no effect. One refused address
 * refuses the name. Literal addresses never reach a lookup: check them before.
 */
export function checkedLookup(
  check: (host: string, found: readonly Resolved[]) => void,
  resolve: Resolve,
): LookupFunction {
  return (host, options, callback) => {
    resolve(host).then(
      (found) => {
        const first = found[0];
        try {
          if (first === undefined) throw new Error('the name has no address');
          check(host, found);
        } catch (error) {
          callback(error as NodeJS.ErrnoException, '', 4);
          return;
        }
        if (options.all === true) callback(null, found as LookupAddress[]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, '', 4),
    );
  };
}
