/**
 * Attachments are AES-256-CBC under a key of their own; the IV is the key's first half. The padding is PKCS#7 with
 * blocks of 32 bytes, which the automatic unpadding (blocks of 16) refuses, so it is done here (wecom §3.3).
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const keyBytes = 32;
const block = 32;

/** Base64 with or without padding, or 64 hex digits. Throws on any other length. */
export function mediaKey(aeskey: string): Buffer {
  const text = aeskey.trim();
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length !== keyBytes)
    throw new Error(`Invalid WeCom AES key length: expected ${keyBytes} bytes, got ${key.length}`);
  return key;
}

/** Throws when the key or the padding is wrong, or the length is no multiple of 16. */
export function decryptMedia(encrypted: Uint8Array, aeskey: string): Buffer {
  const key = mediaKey(aeskey);
  const decipher = createDecipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const padded = Buffer.concat([decipher.update(encrypted), decipher.final()]);
  const pad = padded.at(-1) ?? 0;
  if (pad < 1 || pad > block || pad > padded.length) throw new Error(`Invalid PKCS#7 padding value: ${pad}`);
  const end = padded.length - pad;
  if (!padded.subarray(end).every((byte) => byte === pad))
    throw new Error('Invalid PKCS#7 padding: padding bytes mismatch');
  return padded.subarray(0, end);
}

export function encryptMedia(plain: Uint8Array, aeskey: string): Buffer {
  const key = mediaKey(aeskey);
  const cipher = createCipheriv('aes-256-cbc', key, key.subarray(0, 16)).setAutoPadding(false);
  const pad = block - (plain.length % block);
  return Buffer.concat([cipher.update(plain), cipher.update(Buffer.alloc(pad, pad)), cipher.final()]);
}
