/** The fake's plain HTTP side: attachments to fetch, and the pages behind scan-to-create. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { encryptMedia } from '../crypto.ts';

export interface ServeOptions {
  /** Encrypts under this key, as the vendor does. */
  readonly aeskey?: string;
  readonly status?: number;
  /** Begins and never ends. */
  readonly stalls?: boolean;
}

export interface FakeScan {
  /** Looks that find nothing before the scan; Infinity = nobody scans. */
  pending: number;
  /** What the last look answers, below `data`. */
  result: object;
  /** What generating answers, below `data`. */
  generated: object;
  looks: number;
}

export class FakeWeb {
  readonly scan: FakeScan = {
    pending: 0,
    result: { status: 'success', bot_info: { botid: 'BOT-NEW', secret: 'secret-new' } },
    generated: { scode: 'a/b c', auth_url: 'https://work.weixin.qq.com/auth?code=1' },
    looks: 0,
  };
  readonly requests: string[] = [];
  readonly #files = new Map<
    string,
    { readonly bytes: Buffer; readonly status: number; readonly stalls: boolean }
  >();

  /** The path under which the bytes are given out. */
  serve(bytes: Uint8Array, { aeskey, status = 200, stalls = false }: ServeOptions = {}): string {
    const at = `/media/${this.#files.size + 1}`;
    const given = aeskey === undefined ? Buffer.from(bytes) : encryptMedia(bytes, aeskey);
    this.#files.set(at, { bytes: given, status, stalls });
    return at;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://fake');
    this.requests.push(`${request.headers['user-agent'] ?? ''} ${url.pathname}${url.search}`);
    const file = this.#files.get(url.pathname);
    if (file !== undefined) {
      response.writeHead(file.status, { 'content-type': 'application/octet-stream' });
      if (file.stalls) response.flushHeaders();
      else response.end(file.bytes);
      return;
    }
    const data = this.#scanned(url);
    if (data === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data }));
  }

  #scanned(url: URL): object | undefined {
    if (url.pathname === '/ai/qc/generate') return this.scan.generated;
    if (url.pathname !== '/ai/qc/query_result') return undefined;
    this.scan.looks += 1;
    return this.scan.looks > this.scan.pending ? this.scan.result : { status: 'wait' };
  }
}
