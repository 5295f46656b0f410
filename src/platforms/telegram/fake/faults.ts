/** Ways a network or server can fail, applied to the next requests. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type Fault =
  /** Answers `code` instead of executing; `retryAfter` in seconds goes with 429. */
  | {
      readonly kind: 'status';
      readonly code: number;
      readonly times: number;
      readonly method?: string;
      readonly afterMs?: number;
      readonly retryAfter?: number;
      readonly description?: string;
      readonly body?: string;
    }
  /**
   * Without executing — `hang`: never answers; `reset`: cuts the connection; `garbage`: 200 that is no JSON.
   * After executing — `half-body`: cuts in the middle of the answer; `slow`: answers byte by byte;
   * `accept-then-reset`: cuts instead of answering; `accept-then-hang`: executes and never answers.
   */
  | {
      readonly kind:
        | 'hang'
        | 'reset'
        | 'garbage'
        | 'half-body'
        | 'slow'
        | 'accept-then-reset'
        | 'accept-then-hang';
      readonly times: number;
      readonly method?: string;
    }
  /** Cuts every open connection now and then every so many milliseconds until `fault({ kind: 'none' })`. */
  | { readonly kind: 'disconnect'; readonly everyMs: number }
  /** Takes back everything. */
  | { readonly kind: 'none' };

export type RequestFault = Extract<Fault, { readonly times: number }>;

export class Faults {
  readonly #waiting: { readonly fault: RequestFault; left: number }[] = [];
  /** How often each kind really happened. */
  readonly happened = new Map<string, number>();

  add(fault: RequestFault): void {
    this.#waiting.push({ fault, left: fault.times });
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  /** The fault for this request, the oldest that fits. */
  take(method: string): RequestFault | undefined {
    const index = this.#waiting.findIndex(
      ({ fault }) => fault.method === undefined || fault.method === method,
    );
    const found = this.#waiting[index];
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.#waiting.splice(index, 1);
    this.happened.set(found.fault.kind, (this.happened.get(found.fault.kind) ?? 0) + 1);
    return found.fault;
  }
}

export function reset(request: IncomingMessage): void {
  request.socket.resetAndDestroy();
}

/** Writes the answer as the fault wants it. */
export async function writeFaulty(
  fault: RequestFault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
): Promise<void> {
  if (response.destroyed) return;
  const headers = { 'content-type': 'application/json' };
  switch (fault?.kind) {
    case 'accept-then-reset':
      reset(request);
      return;
    case 'accept-then-hang':
      return;
    case 'half-body':
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
      response.write(body.slice(0, Math.floor(body.length / 2)), () => reset(request));
      return;
    case 'slow':
      response.writeHead(status, headers);
      for (const byte of Buffer.from(body)) {
        if (response.destroyed) return;
        response.write(Uint8Array.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
      return;
    default:
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
      response.end(body);
  }
}
