/** Reads streams whose frames carry the moment they were sent. */
import { Connection } from './connection.ts';
import { requestText } from './load.ts';
import { readStamps } from './stamp.ts';

export interface StreamOrder {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Streams follow one another until then; one that has begun is read to its end. */
  readonly seconds: number;
  /** Frames every stream must have. */
  readonly frames: number;
}

export interface StreamResult {
  /** Milliseconds from request to first frame, one per stream. */
  readonly firstFrame: Float64Array;
  /** Milliseconds by which a gap between two frames grew on its way, one per gap; a gap that shrank counts as 0. */
  readonly addedGap: Float64Array;
  readonly failures: Readonly<Record<string, number>>;
}

export async function readStreams(order: StreamOrder): Promise<StreamResult> {
  const url = new URL(order.url);
  const request = requestText('POST', url, order.headers, order.body);
  const firstFrame: number[] = [];
  const addedGap: number[] = [];
  const failures: Record<string, number> = {};
  const connection = new Connection(url);
  const until = performance.now() + order.seconds * 1000;
  while (performance.now() < until) {
    const sent: number[] = [];
    const arrived: number[] = [];
    let rest = '';
    const asked = performance.now();
    const failure = await connection
      .request(request, (bytes) => {
        const now = performance.now();
        const found = readStamps(rest + bytes.toString('latin1'));
        rest = found.rest;
        for (const stamp of found.stamps) {
          sent.push(stamp);
          arrived.push(now);
        }
      })
      .then(
        ({ status }) =>
          status !== 200
            ? `status ${status}`
            : sent.length !== order.frames
              ? `${sent.length} of ${order.frames} frames`
              : undefined,
        (error: Error) => error.message,
      );
    if (failure !== undefined) {
      failures[failure] = (failures[failure] ?? 0) + 1;
      continue;
    }
    firstFrame.push((arrived[0] ?? Number.NaN) - asked);
    for (let index = 1; index < sent.length; index += 1) {
      const gapSent = (sent[index] ?? 0) - (sent[index - 1] ?? 0);
      const gapArrived = (arrived[index] ?? 0) - (arrived[index - 1] ?? 0);
      addedGap.push(Math.max(0, gapArrived - gapSent));
    }
  }
  connection.close();
  return { firstFrame: Float64Array.from(firstFrame), addedGap: Float64Array.from(addedGap), failures };
}
