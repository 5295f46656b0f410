/**
 * Frames of the AI Bot connection: JSON text, `{cmd, headers: {req_id}, body}`; answers carry no `cmd` but
 * `errcode`. Source: developer.work.weixin.qq.com/document/path/101463 and the vendor's SDK for Node.
 */

export interface Frame {
  /** Absent in answers. */
  readonly cmd: string | undefined;
  readonly reqId: string | undefined;
  readonly body: Fields;
  /** Undefined = not a number: the answer says nothing. */
  readonly errcode: number | undefined;
  readonly errmsg: string;
}

export type Fields = Readonly<Record<string, unknown>>;

export const messagePushes: ReadonlySet<string> = new Set(['aibot_msg_callback', 'aibot_callback']);
export const eventPush = 'aibot_event_callback';

/** Undefined for what is no frame. Never throws. */
export function parseFrame(text: string): Frame | undefined {
  const frame = fields(parseJson(text));
  if (frame === undefined) return undefined;
  const { cmd, errcode, errmsg } = frame;
  return {
    cmd: string(cmd, 64),
    reqId: string(fields(frame['headers'])?.['req_id'], 512),
    body: fields(frame['body']) ?? {},
    errcode: typeof errcode === 'number' ? errcode : undefined,
    errmsg: string(errmsg, 1000) ?? '',
  };
}

export function printFrame(cmd: string, reqId: string, body?: object): string {
  return JSON.stringify({ cmd, headers: { req_id: reqId }, ...(body === undefined ? {} : { body }) });
}

/** The server leaves control characters in texts bare, which the vendor's SDK cuts out before it parses. */
function parseJson(text: string): unknown {
  for (const attempt of [text, text.replace(/[\u0000-\u001f]/g, '')]) {
    try {
      return JSON.parse(attempt);
    } catch {
      // Tried again without control characters, then given up.
    }
  }
  return undefined;
}

export function fields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** A text that is not empty and not longer than `max`. */
export function string(value: unknown, max = Number.POSITIVE_INFINITY): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= max ? value : undefined;
}
