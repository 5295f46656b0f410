/**
 * Scan-to-create: the WeCom phone app scans a code, and the vendor's pages hand out a new bot (wecom §1.2). The flow
 * is data for the wizard, with one function that follows it.
 */
import type { LoginDeps, LoginResult, LoginScreen } from '../contract.ts';
import { type Fields, fields, string } from './wire.ts';

export const qrLogin = {
  host: 'https://work.weixin.qq.com',
  source: 'hermes',
  userAgent: 'HermesAgent/1.0',
  generateMs: 15_000,
  pollMs: 10_000,
  everyMs: 3_000,
  totalMs: 300_000,
  texts: {
    connecting: 'Connecting to WeCom...',
    scan: 'Scan the QR code above, or open this URL directly:',
    waiting: 'Fetching configuration results...',
    timedOut: 'QR scan timed out (5 minutes). Please try again.',
    noCredentials: 'QR scan reported success but no bot credentials were returned.',
    noCode: 'WeCom returned no QR code.',
  },
} as const;

/** Throws the reason of the abort, and whatever the first request throws. */
export async function scanToCreate(
  deps: LoginDeps,
  screen: LoginScreen,
  signal: AbortSignal,
): Promise<LoginResult> {
  const { texts, source } = qrLogin;
  const host = deps.host ?? qrLogin.host;
  screen.say(texts.connecting);
  const data = await ask(deps, `${host}/ai/qc/generate?source=${source}`, qrLogin.generateMs, signal);
  const scode = string(data?.['scode'], 1024);
  const content = string(data?.['auth_url'], 4096);
  if (scode === undefined || content === undefined) return { kind: 'manual', say: texts.noCode };
  const code = encodeURIComponent(scode);
  screen.code(content, `${host}/ai/qc/gen?source=${source}&scode=${code}`);
  screen.say(texts.scan);
  screen.say(texts.waiting);
  const end = deps.clock.monotonic() + qrLogin.totalMs;
  while (deps.clock.monotonic() < end) {
    signal.throwIfAborted();
    screen.dot();
    const found = await ask(deps, `${host}/ai/qc/query_result?scode=${code}`, qrLogin.pollMs, signal).catch(
      (): undefined => {
        signal.throwIfAborted();
      },
    );
    if (string(found?.['status'], 64)?.toLowerCase() === 'success') return created(found);
    await deps.clock.sleep(qrLogin.everyMs, signal);
  }
  signal.throwIfAborted();
  return { kind: 'timeout', say: texts.timedOut };
}

function created(data: Fields | undefined): LoginResult {
  const bot = fields(data?.['bot_info']);
  const id = string(bot?.['botid'], 256) ?? string(bot?.['bot_id'], 256);
  const secret = string(bot?.['secret'], 1024);
  if (id === undefined || secret === undefined) return { kind: 'manual', say: qrLogin.texts.noCredentials };
  return { kind: 'created', env: { WECOM_BOT_ID: id, WECOM_SECRET: secret } };
}

async function ask(
  { fetch, clock }: LoginDeps,
  url: string,
  ms: number,
  signal: AbortSignal,
): Promise<Fields | undefined> {
  const late = new AbortController();
  const cancel = clock.after(ms, () => late.abort(new Error(`no answer within ${ms} ms`)));
  try {
    const response = await fetch(url, {
      headers: { 'user-agent': qrLogin.userAgent },
      signal: AbortSignal.any([signal, late.signal]),
    });
    return fields(fields(await response.json())?.['data']);
  } finally {
    cancel();
  }
}
