import { connect, type Socket } from 'node:net';
import { ResponseReader } from './http-response.ts';

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
  onBody(bytes: Buffer): void;
  status: number;
  readonly body: Buffer[];
}

/** One kept connection with one request at a time; connects again after the server closed it. */
export class Connection {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #waiting: Waiting | undefined;

  constructor(url: URL) {
    this.#host = url.hostname;
    this.#port = Number(url.port);
  }

  /** `bytes` is a whole HTTP/1.1 request. Rejects when the connection ends before the answer is complete. */
  request(bytes: string, onBody: (bytes: Buffer) => void = () => {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, onBody, status: 0, body: [] };
      this.#socket ??= this.#open();
      this.#socket.write(bytes);
    });
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    const reader = new ResponseReader({
      head: (status) => {
        if (this.#waiting) this.#waiting.status = status;
      },
      body: (bytes) => {
        this.#waiting?.body.push(bytes);
        this.#waiting?.onBody(bytes);
      },
      end: () => {
        const waiting = this.#waiting;
        this.#waiting = undefined;
        waiting?.resolve({ status: waiting.status, body: Buffer.concat(waiting.body) });
      },
    });
    const lost = (error: Error) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      socket.destroy();
      this.#waiting?.reject(error);
      this.#waiting = undefined;
    };
    socket.on('data', (bytes: Buffer) => {
      try {
        reader.push(bytes);
      } catch (error) {
        lost(error as Error);
      }
    });
    socket.on('error', lost);
    socket.on('close', () => lost(new Error('connection closed')));
    return socket;
  }
}
