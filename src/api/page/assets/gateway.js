/** Requests to the gateway this page came from. */

/** The key: only here, so it is gone with the tab. @type {string | undefined} */
let key;

/** @param {string | undefined} given */
export function useKey(given) {
  key = given;
}

export const hasKey = () => key !== undefined;

/** The gateway answered, and the answer is no. */
export class Refusal extends Error {
  /**
   * @param {number} status HTTP
   * @param {string} code As in the error envelope, '' when there is none.
   * @param {string} message
   * @param {number} waitMs From `Retry-After`; 0 = it said nothing.
   */
  constructor(status, code, message, waitMs) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.waitMs = waitMs;
  }

  /** The key is missing, wrong, or there were too many wrong ones. */
  get isAboutKey() {
    const lockedOut = this.code === 'auth_rate_limited' || this.code === 'rate_limited';
    return this.status === 401 || (this.status === 429 && lockedOut);
  }
}

/** There was no answer, or it broke off. */
export class Unreachable extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    super('The gateway does not answer.', { cause });
    this.name = 'Unreachable';
  }
}

/**
 * Addresses are relative, so that the page also works below a path of a proxy.
 * @param {string} path Without the leading slash.
 * @param {RequestInit & { headers?: Record<string, string> }} [init]
 * @returns {Promise<Response>} Always ok. Rejects with Refusal, Unreachable, or the reason of an aborted signal.
 */
export async function call(path, init = {}) {
  const headers = { ...init.headers, ...authorization(key) };
  /** @type {Response} */
  let response;
  try {
    // The mode stays `cors`: in any other one this page's own origin would be sent as `null`.
    response = await fetch(path, { cache: 'no-store', redirect: 'error', ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unreachable(error);
  }
  if (response.ok) return response;
  throw await refusalOf(response);
}

/** @param {string | undefined} secret */
function authorization(secret) {
  if (secret === undefined) return undefined;
  // Header values are bytes; the gateway reads them as UTF-8.
  const bytes = String.fromCharCode(...new TextEncoder().encode(secret));
  return { Authorization: `Bearer ${bytes}` };
}

/**
 * @param {Response} response
 * @returns {Promise<Refusal | Unreachable>}
 */
async function refusalOf(response) {
  const { status } = response;
  const text = await response.text().catch(() => '');
  /** @type {{ error?: { message?: unknown, code?: unknown, type?: unknown } }} */
  let body = {};
  try {
    body = JSON.parse(text) ?? {};
  } catch {
    // A proxy in front of a gateway that is not there answers with a page of its own.
    if (status === 502 || status === 503 || status === 504) return new Unreachable(`HTTP ${status}`);
  }
  const { message, code, type } = body.error ?? {};
  const said = typeof message === 'string' && message !== '' ? message : `The gateway answered ${status}.`;
  const seconds = Number(response.headers.get('Retry-After') ?? 0);
  const word = [code, type].find((each) => typeof each === 'string');
  return new Refusal(status, typeof word === 'string' ? word : '', said, seconds > 0 ? seconds * 1_000 : 0);
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>} Resolves early when aborted.
 */
export function sleep(ms, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}

/**
 * Waits until the gateway answers again.
 * @param {AbortSignal} signal Rejects with its reason.
 */
export async function back(signal) {
  for (let wait = 400; ; wait = Math.min(wait * 1.6, 5_000)) {
    await sleep(wait, signal);
    signal.throwIfAborted();
    try {
      await call('health', { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Refusal && error.status < 500) return;
    }
  }
}

/** Unguessable and unique; `crypto.randomUUID` does not exist on plain HTTP. */
export function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
