/** From an answer in Markdown to rows of the outbox. */

import type { MessageId } from '../core/ids.ts';
import type { Address } from '../core/inbound.ts';
import type { Capabilities } from '../core/manifest.ts';
import type { PartOp } from '../platforms/contract.ts';
import { insertPart } from '../store/queries/part.ts';
import type { Tx } from '../store/store.ts';
import { compose } from '../text/compose.ts';
import type { Dialect } from '../text/dialect.ts';

/** A part before it has a row. */
export interface PartDraft {
  readonly key: string;
  readonly account: string;
  readonly at: Address;
  readonly class: 'reply' | 'notice' | 'approval';
  readonly op: PartOp;
}

export interface DraftTarget {
  readonly account: string;
  readonly at: Address;
  readonly dialect: Dialect;
  readonly text: Capabilities['text'];
  readonly replyToMode: 'off' | 'first' | 'all';
  readonly replyTo?: MessageId;
}

/** Renders and splits; every draft is one platform write. Keys are `<prefix>:<n>`, equal again for equal input. */
export function draftParts(
  markdown: string,
  target: DraftTarget,
  kind: PartDraft['class'],
  prefix: string,
): PartDraft[] {
  return compose(markdown, target.dialect, target.text).map((body, index) => {
    const quotes = target.replyToMode === 'all' || (target.replyToMode === 'first' && index === 0);
    return {
      key: `${prefix}:${index}`,
      account: target.account,
      at: target.at,
      class: kind,
      op: {
        kind: 'send',
        body,
        ...(quotes && target.replyTo !== undefined ? { replyTo: target.replyTo } : {}),
        ...(kind === 'notice' ? { silent: true } : {}),
      },
    };
  });
}

export async function storeDrafts(
  tx: Tx,
  drafts: readonly PartDraft[],
  origin: { readonly turn: string | null; readonly trace: string; readonly now: number },
): Promise<void> {
  for (const draft of drafts) {
    await tx.run(insertPart, {
      key: draft.key,
      account: draft.account,
      chat: draft.at.chat,
      thread: draft.at.thread ?? null,
      turn: origin.turn,
      trace: origin.trace,
      class: draft.class,
      op: JSON.stringify(draft.op),
      now: origin.now,
    });
  }
}
