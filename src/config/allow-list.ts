/** `command_allowlist` while the gateway runs: what people allow for ever counts at once and is written down. */
import type { Log } from '../core/log.ts';
import type { Settings } from './settings.ts';

export interface CommandAllowList {
  has(key: string): boolean;
  /** Never throws: what cannot be written down holds until the gateway ends, and the log says so. */
  add(keys: readonly string[]): void;
  /** Resolves when everything added so far was written or given up. */
  saved(): Promise<void>;
}

export function openAllowList(
  {
    home,
    approvals,
  }: Pick<Settings, 'home'> & { readonly approvals: Pick<Settings['approvals'], 'commandAllowlist'> },
  log: Log,
): CommandAllowList {
  const allowed = new Set(approvals.commandAllowlist);
  // One after another, so that no write undoes another one.
  let saving = Promise.resolve();
  return {
    has: (key) => allowed.has(key),
    add(keys) {
      for (const key of keys) allowed.add(key);
      saving = saving
        .then(() => import('./write.ts'))
        .then(({ allowForEver }) => allowForEver(home, keys))
        .catch((error: unknown) => log('error', 'approval.not_saved', { keys, error }));
    },
    saved: () => saving,
  };
}
