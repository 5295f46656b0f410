/** What the tests of images and files share: one server, both endpoints, and what the model of a turn was shown. */
import type { Settings } from '../../config/settings.ts';
import type { Resolve } from '../../net/resolve.ts';
import type { TurnRequest } from '../../turn/contract.ts';
import { key, type LogLine, listenFake, mediaDefaults } from '../testing/open.ts';

type Http = Settings['http'];

export interface Changes {
  readonly chat?: Partial<Http['chatCompletions']>;
  readonly responses?: Partial<Http['responses']>;
  readonly allowPrivate?: boolean;
  readonly resolve?: Resolve;
}

export type Endpoint = 'chat' | 'responses';

export interface Answered {
  readonly status: number;
  readonly error: {
    readonly message: string;
    readonly code: string;
    readonly type: string;
    readonly param: string;
  };
}

export interface MediaServer extends AsyncDisposable {
  readonly url: string;
  /** The `Authorization` header that is let in. */
  readonly authorization: string;
  readonly logs: readonly LogLine[];
  /** Requests of the turns that were started. */
  readonly turns: readonly TurnRequest[];
  /** Sends parts as the newest user message, in the form of the endpoint. */
  send(endpoint: Endpoint, parts: readonly object[], more?: object): Promise<Answered>;
  post(endpoint: Endpoint, body: object, signal?: AbortSignal): Promise<Answered>;
}

export async function serveMedia(changes: Changes = {}): Promise<MediaServer> {
  const { http, security } = mediaDefaults;
  const server = await listenFake({
    media: {
      http: {
        chatCompletions: { ...http.chatCompletions, ...changes.chat },
        responses: { ...http.responses, ...changes.responses },
      },
      security: { ...security, allowPrivateUrls: changes.allowPrivate ?? false },
    },
    ...(changes.resolve === undefined ? {} : { resolve: changes.resolve }),
  });
  const post: MediaServer['post'] = async (endpoint, body, signal) => {
    const path = endpoint === 'chat' ? '/v1/chat/completions' : '/v1/responses';
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
    const answer = (await response.json()) as Partial<Answered>;
    return { status: response.status, error: answer.error ?? { message: '', code: '', type: '', param: '' } };
  };
  return {
    url: server.url,
    authorization: `Bearer ${key}`,
    logs: server.logs,
    get turns() {
      return server.turns.requests;
    },
    post,
    send(endpoint, parts, more = {}) {
      const message = { role: 'user', content: parts };
      return post(
        endpoint,
        endpoint === 'chat' ? { messages: [message], ...more } : { input: [message], ...more },
      );
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The same image or file as each endpoint's clients write it. */
export const imagePart = (endpoint: Endpoint, url: string): object =>
  endpoint === 'chat' ? { type: 'image_url', image_url: { url } } : { type: 'input_image', image_url: url };

export const filePart = (endpoint: Endpoint, file: object): object =>
  endpoint === 'chat' ? { type: 'file', file } : { type: 'input_file', ...file };

export const dataUrl = (bytes: Uint8Array | string, mime: string): string =>
  `data:${mime};base64,${Buffer.from(bytes).toString('base64')}`;
