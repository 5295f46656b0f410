/** Client of a running gateway's local socket: one JSON object per line in both directions. */
import { lstatSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { GatewayError } from '../core/errors.ts';
import { controlPath } from '../supervise/control.ts';

export interface Control {
  /** Rejects with the gateway's own sentence, or NOT_RUNNING when the connection ends before the answer. */
  request(method: string, params?: object, onEvent?: (event: unknown) => void): Promise<unknown>;
  /** Resolves when the gateway closed the connection. */
  readonly closed: Promise<void>;
  close(): void;
}

/** A gateway never sends a longer line; more is a stranger at the other end. */
const longestLine = 16 * 1024 * 1024;

/** Undefined when no gateway of this home answers. */
export async function connectGateway(home: string): Promise<Control | undefined> {
  const path = controlPath(home);
  if (!isOurs(path)) return undefined;
  const socket = createConnection(path);
  const opened = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
  });
  return opened ? new SocketControl(socket, home) : undefined;
}

/** In a shared temporary folder somebody else may have put a socket at our name. */
function isOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isSocket()) return false;
  return process.getuid === undefined || found.uid === process.getuid();
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  onEvent: ((event: unknown) => void) | undefined;
}

class SocketControl implements Control {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #home: string;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #buffer = '';

  constructor(socket: Socket, home: string) {
    this.#socket = socket;
    this.#home = home;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#read(chunk));
    socket.on('error', () => socket.destroy());
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const { reject } of this.#waiting.values()) reject(this.#gone());
        this.#waiting.clear();
        resolve();
      });
    });
  }

  request(method: string, params: object = {}, onEvent?: (event: unknown) => void): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(this.#gone());
      this.#waiting.set(id, { resolve, reject, onEvent });
      this.#socket.write(`${JSON.stringify({ id, method, params })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #gone(): Error {
    return new GatewayError('NOT_RUNNING', { home: this.#home });
  }

  #read(chunk: string): void {
    this.#buffer += chunk;
    if (this.#buffer.length > longestLine) {
      this.close();
      return;
    }
    const lines = this.#buffer.split('\n');
    this.#buffer = lines.pop() ?? '';
    for (const text of lines) if (text !== '') this.#take(text);
  }

  #take(text: string): void {
    let message: Readonly<Record<string, unknown>>;
    try {
      message = JSON.parse(text);
    } catch {
      this.close();
      return;
    }
    const waiting = this.#waiting.get(Number(message['id']));
    if (waiting === undefined) return;
    if ('event' in message) {
      waiting.onEvent?.(message['event']);
      return;
    }
    this.#waiting.delete(Number(message['id']));
    if ('error' in message) waiting.reject(refusal(message['error']));
    else waiting.resolve(message['result']);
  }
}

/** An error the gateway answered, with its own code, sentence and fix. */
export class Refused extends Error {
  readonly code: string;
  readonly fix: string | undefined;
  constructor(code: string, message: string, fix: string | undefined) {
    super(message);
    this.name = 'Refused';
    this.code = code;
    this.fix = fix;
  }
}

function refusal(error: unknown): Refused {
  const { code, message, fix } = (error ?? {}) as Readonly<Record<string, unknown>>;
  return new Refused(
    typeof code === 'string' ? code : 'INTERNAL',
    typeof message === 'string' ? message : 'The gateway refused the request.',
    typeof fix === 'string' ? fix : undefined,
  );
}
