/** Stands for the shared redaction until it exists: configured secrets only. */
export function redact(text: string, secrets: readonly string[], _kind?: 'source'): string {
  return secrets.reduce((out, secret) => (secret.length < 6 ? out : out.replaceAll(secret, '***')), text);
}
