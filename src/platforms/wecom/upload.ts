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

/** Before Base64. */
const chunkBytes = 512 * 1024;
const maxChunks = 100;
export const maxUpload = chunkBytes * maxChunks;

export async function uploadMedia(
  session: Pick<Session, 'ask'>,
  { type, filename }: Plan,
  bytes: Uint8Array,
  clock: Pick<Clock, 'hex'>,
  signal: AbortSignal,
): Promise<Uploaded | { readonly outcome: Outcome }> {
  const chunks = Math.ceil(bytes.length / chunkBytes);
  const md5 = createHash('md5').update(bytes).digest('hex');
  const step = async (name: string, body: object): Promise<Frame> => {
    const cmd = `aibot_upload_media_${name}`;
    const request = { cmd, reqId: `${cmd}-${clock.hex(16)}`, body, timeoutText: timeout };
    const answer = await session.ask(request, signal);
    if (answer.errcode !== 0) throw new Refused(answer);
    return answer;
  };
  try {
    const announced = { type, filename, total_size: bytes.length, total_chunks: chunks, md5 };
    const upload_id = named((await step('init', announced)).body['upload_id'], 'upload_id');
    // One after another: the server answers many chunks at once with "system error".
    for (let index = 0; index < chunks; index++) {
      const chunk = bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes);
      const base64_data = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('base64');
      await step('chunk', { upload_id, chunk_index: index, base64_data });
    }
    const mediaId = named((await step('finish', { upload_id })).body['media_id'], 'media_id');
    return { type, mediaId };
  } catch (error) {
    return { outcome: failed(error) };
  }
}

const timeout = 'Timeout sending media to WeCom';

class Refused extends Error {
  readonly answer: Frame;
  constructor(answer: Frame) {
    super('the upload was refused');
    this.answer = answer;
  }
}

function named(value: unknown, field: string): string {
  const id = string(value, 1024);
  if (id === undefined) throw new Unanswered(`Upload failed: no ${field} returned`);
  return id;
}

function failed(error: unknown): Outcome {
  if (error instanceof Unanswered) return { kind: 'retry', scope: 'part', why: error.message };
  if (!(error instanceof Refused)) throw error;
  const outcome = outcomeOf(error.answer, '');
  return outcome.kind === 'unknown' ? { kind: 'retry', scope: 'part', why: outcome.why } : outcome;
}
