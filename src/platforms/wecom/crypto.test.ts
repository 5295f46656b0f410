import { decryptFile } from '@wecom/aibot-node-sdk';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decryptMedia, encryptMedia, mediaKey } from './crypto.ts';
import { vectors } from './testing.ts';

const bytes = (base64: string) => Buffer.from(base64, 'base64');

describe('attachments', () => {
  test.each(vectors.media)(
    '$name opens to exactly its bytes',
    ({ aeskey, plaintext_b64, ciphertext_b64 }) => {
      expect(decryptMedia(bytes(ciphertext_b64), aeskey).toString('base64')).toBe(plaintext_b64);
    },
  );

  test.each(vectors.media)(
    '$name closes to exactly its bytes',
    ({ aeskey, plaintext_b64, ciphertext_b64 }) => {
      expect(encryptMedia(bytes(plaintext_b64), aeskey).toString('base64')).toBe(ciphertext_b64);
    },
  );

  test.each(vectors.negative)('$name is refused with its sentence', (vector) => {
    expect(() => decryptMedia(bytes(vector.ciphertext_b64), vector.aeskey)).toThrow(
      new Error(vector.expect_error),
    );
  });

  test('a key of 31 bytes is refused', () => {
    expect(() => mediaKey(Buffer.alloc(31).toString('base64'))).toThrow(
      'Invalid WeCom AES key length: expected 32 bytes, got 31',
    );
  });

  test('a file that was cut or has no bytes is refused', () => {
    const [first] = vectors.media;
    const whole = bytes(first!.ciphertext_b64);
    expect(() => decryptMedia(whole.subarray(0, 33), first!.aeskey)).toThrow();
    expect(() => decryptMedia(Buffer.alloc(0), first!.aeskey)).toThrow('Invalid PKCS#7 padding value: 0');
  });

  test("what is closed here opens with the vendor's own code", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (plain, key) => {
          const aeskey = Buffer.from(key).toString('base64');
          const closed = encryptMedia(plain, aeskey);
          expect(closed.length % 32).toBe(0);
          expect(decryptFile(closed, aeskey)).toEqual(Buffer.from(plain));
          expect(decryptMedia(closed, aeskey)).toEqual(Buffer.from(plain));
        },
      ),
    );
  });
});
