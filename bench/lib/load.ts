/** Closed-loop load: each connection sends its next request when the answer to the one before is complete. */
import { Connection } from './connection.ts';

export interface LoadOrder {
  /** Address with path; plain HTTP. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  readonly seconds: number;
  /** Of a good answer; default 200. */
  readonly status?: number;
  /** Text without which an answer counts as failed. */
  readonly expect: string;
  readonly sessions?: Sessions;
}

/** Stored conversations that take turns, each replaced by a new one when it has had its turns. */
export interface Sessions {
  readonly prefix: string;
  readonly count: number;
  readonly turns: number;
}

export interface LoadResult {
  /** Milliseconds of each answered request. */
  readonly latencies: Float64Array;
  /** From the first request to the last answer. */
  readonly seconds: number;
  readonly failures: Readonly<Record<string, number>>;
}

export async function load(order: LoadOrder): Promise<LoadResult> {
  const url = new URL(order.url);
  const expected = Buffer.from(order.expect);
  const latencies: number[] = [];
  const failures: Record<string, number> = {};
  const nextSession = sessionNames(order.sessions);
  const started = performance.now();
  const until = started + order.seconds * 1000;

  async function client(): Promise<void> {
    const connection = new Connection(url);
    while (performance.now() < until) {
      const request = requestText('POST', url, { ...order.headers, ...nextSession() }, order.body);
      const sent = performance.now();
      const failure = await connection.request(request).then(
        ({ status, body }) =>
          status !== (order.status ?? 200)
            ? `status ${status}`
            : body.includes(expected)
              ? undefined
              : 'wrong answer',
        (error: Error) => error.message,
      );
      if (failure === undefined) latencies.push(performance.now() - sent);
      else failures[failure] = (failures[failure] ?? 0) + 1;
    }
    connection.close();
  }
  await Promise.all(Array.from({ length: order.connections }, client));
  return {
    latencies: Float64Array.from(latencies),
    seconds: (performance.now() - started) / 1000,
    failures,
  };
}

export function requestText(
  method: 'GET' | 'POST',
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
): string {
  const all = { host: url.host, ...headers, 'content-length': String(Buffer.byteLength(body)) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${url.pathname} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

export function sessionNames(sessions: Sessions | undefined): () => Readonly<Record<string, string>> {
  if (sessions === undefined) return () => ({});
  const { prefix, count, turns } = sessions;
  let next = 0;
  return () => {
    const seat = next % count;
    const conversation = Math.floor(next / count / turns);
    next += 1;
    return { 'x-hermes-session-id': `${prefix}-${seat}-${conversation}` };
  };
}
