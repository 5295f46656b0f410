import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

const ivBytes = 12;
const tagBytes = 16;

/**
 * The content of compaction items: opaque to clients, readable by this server for the same credential only, and not to
 * be forged (Open Responses §16). AES-256-GCM with the credential's name as associated data.
 */
export interface Seal {
  close(text: string): string;
  /** Undefined for anything that this server did not close. */
  open(sealed: string): string | undefined;
}

export function sealWith(secret: Buffer, scope: string): Seal {
  const key = createHash('sha256').update('responses.compaction\0').update(secret).digest();
  const owner = Buffer.from(scope, 'utf8');
  return {
    close(text) {
      const iv = randomBytes(ivBytes);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(owner);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64url');
      // The decoder skips what is not base64url; a text with such characters is not one of ours.
      if (bytes.length < ivBytes + tagBytes || bytes.toString('base64url') !== sealed) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, ivBytes))
          .setAAD(owner)
          .setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
        const body = bytes.subarray(ivBytes + tagBytes);
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}
