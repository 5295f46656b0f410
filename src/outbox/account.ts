import type { PlatformBlock } from '../config/settings.ts';
import type { AccountId } from '../core/ids.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Adapter } from '../platforms/contract.ts';
import type { Dialect } from '../text/dialect.ts';

/** One configured bot identity, as the way out sees it. */
export interface OutAccount {
  readonly id: AccountId;
  readonly manifest: Manifest;
  readonly dialect: Dialect;
  readonly adapter: Pick<Adapter, 'deliver' | 'hint' | 'find' | 'capabilities' | 'isGroup'>;
  readonly block: Pick<PlatformBlock, 'replyToMode' | 'onUnknown' | 'home'>;
}
