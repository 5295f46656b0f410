/**
 * Takes secrets out of text before it is stored, logged or shown (agent-runtime §17.8). Every rule is linear in
 * the length of the text: repetitions are bounded or end at a character that no other start can pass.
 */

export interface RedactOptions {
  /** Source code: `NAME=value` and JSON fields are left alone, they are mostly program text there. */
  readonly source?: boolean;
}

/** Configured values shorter than this would blank out ordinary words. */
const SHORTEST_SECRET = 6;

/** One cheap look for anything a rule could match. */
const SUSPICIOUS =
  /[=@]|-----BEGIN|eyJ|\d:[\w-]{30}|bearer|auth|token|secret|passw|pwd|credential|key|(?<![a-z0-9])(?:sk[-_]|rk_|gh[opusr]_|github_pat_|xox|AIza|pplx-|fal_|fc-|bb_live_|gAAAA|AKIA|ASIA|SG\.|hf_|r8_|npm_|pypi-|do[op]_v1_|am_|tvly-|exa_|gsk_|syt_|xai-)/i;

const WORD = '(?<![A-Za-z0-9_-])';
const VENDORS: readonly RegExp[] = [
  /(?:sk-|gh[opusr]_|github_pat_|xox[baprs]-|pplx-|bb_live_|[sr]k_(?:live|test)_|npm_|pypi-|do[op]_v1_|tvly-|gsk_|syt_|xai-)[A-Za-z0-9_-]{10,}/,
  /AIza[A-Za-z0-9_-]{30,}/,
  /gAAAA[A-Za-z0-9_=-]{20,}/,
  /(?:AKIA|ASIA)[A-Z0-9]{16}/,
  /SG\.[A-Za-z0-9_.-]{10,}/,
  // Also prefixes of ordinary identifiers; a key has a digit or a capital.
  /(?:fal_|fc-|hf_|r8_|am_|sk_|exa_)(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{10,}/,
  // JSON Web Tokens, whole or cut off.
  /eyJ[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_=-]{4,}){0,2}/,
];
const VENDOR = new RegExp(`${WORD}(?:${VENDORS.map((one) => one.source).join('|')})`, 'g');

const TELEGRAM = /(?<!\d)(\d{8,10}):([A-Za-z0-9_-]{30,})/g;
const HEADER =
  /(?<![\w-])((?:proxy-)?authorization|x-api-key|api-key|x-auth-token|x-goog-api-key)(["']?\s{0,4}[:=]\s{0,4}["']?(?:(?:bearer|basic|token|bot|digest)\s{1,4})?)([^\s"',;]+)/gi;
const BEARER = /(?<!\w)(bearer\s{1,4})([A-Za-z0-9._~+/=-]{8,})/gi;
const PASSWORD_IN_URL = /(:\/\/[^\s:/@"'<>]{0,256}:)([^\s/?#"'<>]{1,1024})(?=@)/g;
const TOKEN_IN_URL = /(:\/\/)([^\s:/@"'<>]{16,1024})(?=@)/g;
const QUERY = /([?&])([\w.-]{1,64})=([^&\s"'#<>]+)/g;
const ASSIGNMENT =
  /(?<![\w.-])([A-Za-z_][\w-]{0,63})(\s{0,2}=\s{0,2})(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"'&,;)]+))/g;
const FIELD =
  /(?<!\\)(["'])([A-Za-z_][\w.-]{0,63})\1(\s{0,4}:\s{0,4})(?:"((?:[^"\\]|\\[\s\S])+)"|'((?:[^'\\]|\\[\s\S])+)')/g;
const ESCAPED_FIELD = /\\"([A-Za-z_][\w.-]{0,63})\\"(\s{0,4}:\s{0,4})\\"([^"\\]+)/g;

const SECRET_NAME =
  /(?:^|_)(?:token|secret|password|passwd|passphrase|credentials?|auth|apikey|(?:api|access|secret|private|encryption|signing|master|auth|session|service|webhook)_?key)(?:_(?:base|old|new|value|\d{1,3}))?$|_pwd$/;
const SECRET_QUERY = /^(?:sig|signature|code|key|jwt|x_amz_signature|x_amz_security_token|x_goog_signature)$/;

/** References to a secret are not the secret. */
const REFERENCE = /^(?:\$|<|\{\{|process\.env|os\.(?:environ|getenv)|(?:none|null|true|false|undefined)$)/i;
const MASKED = /^(?:\*{3}|.{6}\.{3}.{4})$/;

/** Shorter than 18 characters: nothing is shown; longer: enough to recognise which one it is. */
function mask(secret: string): string {
  if (MASKED.test(secret)) return secret;
  return secret.length < 18 ? '***' : `${secret.slice(0, 6)}...${secret.slice(-4)}`;
}

/** `secrets` are configured values, taken out exactly wherever they stand. Never throws; masked values stay as they are. */
export function redact(text: string, secrets: readonly string[] = [], options: RedactOptions = {}): string {
  const known = withoutKnown(text, secrets);
  if (!SUSPICIOUS.test(known)) return known;
  let out = withoutPrivateKeys(known);
  out = out.replace(VENDOR, mask);
  out = out.replace(TELEGRAM, (_, id: string, key: string) => `${id}:${mask(key)}`);
  out = out.replace(
    HEADER,
    (_, name: string, between: string, value: string) => name + between + mask(value),
  );
  out = out.replace(BEARER, (_, word: string, value: string) => word + mask(value));
  if (out.includes('://')) {
    out = out
      .replace(PASSWORD_IN_URL, '$1***')
      .replace(TOKEN_IN_URL, (_, start: string, user: string) => start + mask(user));
  }
  out = out.replace(QUERY, (whole, start: string, name: string, value: string) =>
    isSecretName(name) || SECRET_QUERY.test(normal(name)) ? `${start}${name}=${mask(value)}` : whole,
  );
  return options.source ? out : withoutNamed(out);
}

function withoutNamed(text: string): string {
  const hide = (whole: string, name: string, value: string) => {
    if (!isSecretName(name) || REFERENCE.test(value)) return whole;
    // The value ends the match; the same letters may stand in the name.
    const at = whole.lastIndexOf(value);
    return whole.slice(0, at) + mask(value) + whole.slice(at + value.length);
  };
  return text
    .replace(ASSIGNMENT, (whole, name: string, _between, double?: string, single?: string, bare?: string) =>
      hide(whole, name, double ?? single ?? bare ?? ''),
    )
    .replace(FIELD, (whole, _quote, name: string, _between, double?: string, single?: string) =>
      hide(whole, name, double ?? single ?? ''),
    )
    .replace(ESCAPED_FIELD, (whole, name: string, _between, value: string) => hide(whole, name, value));
}

/** `apiKey`, `x-api-key` and `API_KEY` are one name. */
function normal(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[.-]/g, '_')
    .toLowerCase();
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(normal(name));
}

function withoutKnown(text: string, secrets: readonly string[]): string {
  let out = text;
  // The longest first: one secret may begin with another.
  for (const secret of secrets
    .filter((one) => one.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length)) {
    if (out.includes(secret)) out = out.replaceAll(secret, () => mask(secret));
  }
  return out;
}

const KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;
const KEY_END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;

/** A key without its end was cut off: everything behind its beginning goes. */
function withoutPrivateKeys(text: string): string {
  let out = '';
  let at = 0;
  for (;;) {
    KEY_BEGIN.lastIndex = at;
    const begin = KEY_BEGIN.exec(text);
    if (!begin) return out + text.slice(at);
    out += `${text.slice(at, begin.index)}[REDACTED PRIVATE KEY]`;
    KEY_END.lastIndex = begin.index;
    const end = KEY_END.exec(text);
    if (!end) return out;
    at = end.index + end[0].length;
  }
}
