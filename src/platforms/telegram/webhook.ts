/** Checks of one pushed update, in the specified order (telegram §2.3): verified before it is parsed. */
import type { RawRequest } from '../contract.ts';
import { isSame } from '../kit/webhook.ts';
import { parseExact } from './wire.ts';

export const maxPushBytes = 1024 * 1024;

export type Push = { readonly update: unknown; readonly raw: string } | { readonly refused: number };

export function readPush(request: RawRequest, path: string, secret: string): Push {
  if (request.path.split('?')[0] !== path) return { refused: 404 };
  if (request.method !== 'POST') return { refused: 405 };
  if (request.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() !== 'application/json')
    return { refused: 403 };
  if (!isSame(request.headers.get('x-telegram-bot-api-secret-token') ?? '', secret)) return { refused: 403 };
  if (request.body.byteLength > maxPushBytes) return { refused: 413 };
  try {
    const raw = new TextDecoder('utf-8', { fatal: true }).decode(request.body);
    return { update: parseExact(raw), raw };
  } catch {
    return { refused: 400 };
  }
}
