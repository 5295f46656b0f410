import type { IncomingHttpHeaders } from 'node:http';

/** The wire formats of the model vendors; chosen by the path of the request. */
export type WireName = 'chat' | 'responses' | 'anthropic' | 'google';

export type Json = Readonly<Record<string, unknown>>;

/** One request as it arrived. */
export interface UpstreamRequest {
  readonly wire: WireName;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
  /** Text of the newest user message, '' when there is none. */
  readonly lastUserText: string;
  /** Status the fake answered with; set when the headers were sent. */
  status?: number;
  /** True once the connection was closed before the answer was complete. */
  cut?: boolean;
}

export interface ScriptedToolCall {
  readonly id?: string;
  readonly name: string;
  /** An object, or raw text to send arguments that are not JSON. */
  readonly arguments: unknown;
}

export interface ScriptedUsage {
  /** Includes the cached ones. */
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly reasoning?: number;
}

/** What the fake model answers. Parts are sent in the order reasoning, text, tool calls. */
export interface Reply {
  /** A list is sent as exactly these deltas; a string is cut at spaces. */
  readonly text?: string | readonly string[];
  readonly reasoning?: string;
  /** Signature, encrypted reasoning or thought signature that the vendor would attach. */
  readonly opaque?: string;
  readonly toolCalls?: readonly ScriptedToolCall[];
  readonly usage?: ScriptedUsage;
  readonly finish?: 'stop' | 'length' | 'tool-calls' | 'content-filter';
  readonly fault?: Fault;
}

export type ScriptedReply = Reply | ((request: UpstreamRequest) => Reply);

/** `after` counts the whole frames that are sent before the fault; default 2. */
export type Fault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly message?: string;
      readonly code?: string;
      readonly headers?: Readonly<Record<string, string>>;
      /** Answer this text as HTML instead of the vendor's error shape. */
      readonly html?: string;
    }
  | { readonly kind: 'hang-before-headers' }
  | { readonly kind: 'hang-mid-stream'; readonly after?: number }
  /** Sends half of the next frame, then resets the connection. */
  | { readonly kind: 'cut-mid-frame'; readonly after?: number }
  /** Ends the response cleanly in the middle. */
  | { readonly kind: 'end-early'; readonly after?: number }
  | { readonly kind: 'invalid-json'; readonly after?: number }
  | { readonly kind: 'invalid-utf8'; readonly after?: number }
  | { readonly kind: 'empty-200' }
  | { readonly kind: 'duplicate-done' }
  | { readonly kind: 'slow'; readonly msPerFrame: number }
  | { readonly kind: 'wrong-content-type' }
  | { readonly kind: 'redirect'; readonly to: string }
  /** An error object inside a stream that had started well. */
  | {
      readonly kind: 'error-in-stream';
      readonly after?: number;
      readonly status: number;
      readonly message: string;
    }
  /** Never-ending text deltas, until `bytes` were sent. */
  | { readonly kind: 'flood'; readonly bytes: number };

/** One vendor's protocol: what it refuses and how it speaks. */
export interface Wire {
  readonly name: WireName;
  matches(path: string): boolean;
  authorised(headers: IncomingHttpHeaders, path: string, key: string): boolean;
  /** HTTP status and body of the vendor's answer to a wrong key. */
  readonly unauthorised: { readonly status: number; readonly body: unknown };
  /** Why the vendor would refuse this request; undefined = it would take it. */
  refuse(body: Json, issued: ReadonlySet<string>, headers: IncomingHttpHeaders): Refusal | undefined;
  streams(body: Json, path: string): boolean;
  lastUserText(body: Json): string;
  /** The answer as the vendor's server-sent events. */
  frames(reply: Answer): string[];
  /** The answer as one JSON body. */
  json(reply: Answer): unknown;
  error(status: number, message: string, code: string | undefined): unknown;
  /** An error as a frame of a running stream. */
  errorFrame(status: number, message: string): string;
}

export interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly code?: string;
}

/** A reply with every default filled in. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  readonly created: number;
  readonly reasoning: string;
  readonly opaque: string;
  readonly deltas: readonly string[];
  readonly calls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  readonly usage: Required<ScriptedUsage>;
  readonly finish: 'stop' | 'length' | 'tool-calls' | 'content-filter';
  /** The caller asked for token counts in the stream (chat only). */
  readonly usageWanted: boolean;
}
