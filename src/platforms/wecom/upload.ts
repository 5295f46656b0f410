/**
 * Temporary media in three steps: announce, chunks, finish (wecom §4.4). Nobody sees an upload, so one that was not
 * answered is simply made again; only the message that shows it can be in doubt.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Plan, WeComType } from './media-plan.ts';
import { outcomeOf } from './outcome.ts';
import { Unanswered } from './requests.ts';
import type { Session } from './session.ts';
import { type Frame, string } from './wire.ts';

export interface Uploaded {
  readonly type: WeComType;
  /** Valid for three days. */
  readonly mediaId: string;
}

/** What the server has taken of a file so far; it keeps that for half an hour. */
export interface Begun {
  readonly uploadId: string;
  readonly chunks: number;
}

export interface Upload {
  readonly plan: Plan;
  readonly bytes: Uint8Array;
  /** Of an earlier attempt, which is gone on with: a slow line needs several for one file. */
  readonly begun: Begun | undefined;
  /** Told after every step; undefined = start anew. */
  took(begun: Begun | undefined): void;
}

/** Before Base64. */
const chunkBytes = 512 * 1024;
const maxChunks = 100;
export const maxUpload = chunkBytes * maxChunks;

export async function uploadMedia(
  session: Pick<Session, 'ask'>,
  { plan: { type, filename }, bytes, begun, took }: Upload,
  clock: Pick<Clock, 'hex'>,
  signal: AbortSignal,
): Promise<Uploaded | { readonly outcome: Outcome }> {
  const step = async (name: string, body: object): Promise<Frame> => {
    const cmd = `aibot_upload_media_${name}`;
    const request = { cmd, reqId: `${cmd}-${clock.hex(16)}`, body, timeoutText: timeout };
    const answer = await session.ask(request, signal);
    if (answer.errcode !== 0) throw new Refused(outcomeOf(answer, ''));
    return answer;
  };
  const total = Math.ceil(bytes.length / chunkBytes);
  const init = async (): Promise<Begun> => {
    const md5 = createHash('md5').update(bytes).digest('hex');
    const announced = { type, filename, total_size: bytes.length, total_chunks: total, md5 };
    return { uploadId: named((await step('init', announced)).body['upload_id'], 'upload_id'), chunks: 0 };
  };
  try {
    const { uploadId: upload_id, chunks } = begun ?? (await init());
    // One after another: the server answers many chunks at once with "system error".
    for (let index = chunks; index < total; index++) {
      const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      const base64_data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('base64');
      await step('chunk', { upload_id, chunk_index: index, base64_data });
      took({ uploadId: upload_id, chunks: index + 1 });
    }
    const mediaId = named((await step('finish', { upload_id })).body['media_id'], 'media_id');
    return { type, mediaId };
  } catch (error) {
    if (!(error instanceof Refused)) return { outcome: unanswered(error) };
    took(undefined);
    return { outcome: refused(error, begun !== undefined) };
  }
}

const timeout = 'Timeout sending media to WeCom';

class Refused extends Error {
  readonly outcome: Outcome;
  constructor(outcome: Outcome) {
    super('the upload was refused');
    this.outcome = outcome;
  }
}

function named(value: unknown, field: string): string {
  const id = string(value, 1024);
  if (id !== undefined) return id;
  throw new Refused({ kind: 'rejected', code: 'other', why: `Upload failed: no ${field} returned` });
}

function unanswered(error: unknown): Outcome {
  if (!(error instanceof Unanswered)) throw error;
  return again(error.message);
}

/** What the server no longer wants to go on with is begun again before it counts as refused. */
function refused({ outcome }: Refused, wasBegun: boolean): Outcome {
  switch (outcome.kind) {
    case 'unknown':
      return again(outcome.why);
    case 'rejected':
      return wasBegun ? again(outcome.why) : outcome;
    case 'retry':
    case 'sent':
      return outcome;
  }
}

function again(why: string): Outcome {
  return { kind: 'retry', scope: 'part', why };
}
