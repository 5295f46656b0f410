/** Media types as claimed and as the content shows them. */
import { MIMEType } from 'node:util';

export interface Claim {
  /** `type/subtype`, lower case. */
  readonly mime: string;
  readonly charset?: string;
}

/** Spellings that clients use for a registered type. */
const aliases: Readonly<Record<string, string>> = { 'image/jpg': 'image/jpeg', 'image/apng': 'image/png' };

/** Undefined when it is not a media type at all. */
export function parseClaim(text: string): Claim | undefined {
  try {
    const { essence, params } = new MIMEType(text);
    const charset = params.get('charset');
    const mime = aliases[essence] ?? essence;
    return charset === null ? { mime } : { mime, charset };
  } catch {
    return undefined;
  }
}

/** Signatures are at the front; more would only give a hostile container something to chew on. */
const signatureBytes = 4_096;

/** The type that the first bytes show; undefined for text and for what has no known signature. */
export async function sniff(bytes: Uint8Array): Promise<string | undefined> {
  const { fileTypeFromBuffer } = await import('file-type');
  const found = await fileTypeFromBuffer(bytes.subarray(0, signatureBytes));
  return found === undefined ? undefined : (aliases[found.mime] ?? found.mime);
}

export function isHeif(mime: string): boolean {
  return mime === 'image/heic' || mime === 'image/heif';
}

/** Readers take a PDF whose header stands within the first 1024 bytes (ISO 32000-1, annex H, note 13). */
export function isPdf(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 1_024)).includes('%PDF-');
}
