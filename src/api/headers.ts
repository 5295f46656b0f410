/** On every response, errors and streams included (api-server §2.4). */
export const securityHeaders: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Frame-Options': 'DENY',
  'X-XSS-Protection': '0',
};

/** The same with the configured transport policy: false = none, undefined = the usual one. */
export function headersWith(policy: string | false | undefined): Readonly<Record<string, string>> {
  const { 'Strict-Transport-Security': usual, ...rest } = securityHeaders;
  const value = policy ?? usual;
  return value === false || value === undefined ? rest : { ...rest, 'Strict-Transport-Security': value };
}

/**
 * A request header as its sender wrote it. Node hands out header bytes as latin1; undefined when the bytes are not
 * UTF-8, so that nothing downstream sees a replacement character it could match by accident.
 */
export function utf8Header(value: string | readonly string[] | undefined): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = Buffer.from(value, 'latin1').toString('utf8');
  return text.includes('\ufffd') ? undefined : text;
}

/**
 * The inverse of `utf8Header`: Node refuses characters above U+00FF, the bytes are what counts. Control characters,
 * which Node refuses when the answer is already made, become blanks.
 */
export function toHeader(text: string): string {
  return Buffer.from(text.replace(/[\u0000-\u001f\u007f]+/g, ' '), 'utf8').toString('latin1');
}

/**
 * True when a value has bytes above ASCII. Node encodes a head that leaves together with a text body of known length
 * as UTF-8, which would encode such bytes twice; the body must then be bytes too.
 */
export function hasRawBytes(headers: Readonly<Record<string, unknown>>): boolean {
  return Object.values(headers).some((value) => typeof value === 'string' && /[^\u0000-\u007f]/.test(value));
}

/** One line of at most `max` latin1 characters, for free text in a header. */
export function headerText(text: string, max = 200): string {
  return text
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .replace(/[^\u0020-\u007e\u00a0-\u00ff]/gu, '?')
    .trim()
    .slice(0, max);
}
