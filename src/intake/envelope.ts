/** What an inbound row keeps in `body`, as JSON. */
import type { Inbound } from '../core/inbound.ts';
import type { TurnRequest } from '../turn/contract.ts';

export type Envelope =
  | {
      readonly type: 'chat';
      readonly platform: string;
      readonly event: Omit<Inbound, 'raw' | 'key'>;
      /** Several people share the session: the text is marked with the sender's name. */
      readonly shared: boolean;
      readonly command?: { readonly name: string; readonly args: string };
    }
  | {
      readonly type: 'request';
      readonly turn: string;
      /** `unstored`: the request has content that only the process that took it remembers. */
      readonly request: Omit<TurnRequest, 'sessionKey' | 'key' | 'source' | 'consumer' | 'unstored'> & {
        readonly unstored?: true;
      };
    };

export type ChatEnvelope = Extract<Envelope, { type: 'chat' }>;

/** Undefined for a row that is damaged: whoever meets one ends it, so that it holds up nobody. */
export function readEnvelope(body: string): Envelope | undefined {
  try {
    return JSON.parse(body) as Envelope;
  } catch {
    return undefined;
  }
}
