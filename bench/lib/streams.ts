/** Reads streams whose frames carry the moment they were sent. */
import { setTimeout as delay } from 'node:timers/promises';
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
  /** Clients that read at the same time, begun evenly over one second; default 1. */
  readonly connections?: number;
}

export interface StreamResult {
  /** Milliseconds from request to first frame, one per stream. */
  readonly firstFrame: Float64Array;
  /** Milliseconds by which a gap between two frames grew on its way, one per gap; a gap that shrank counts as 0. */
  readonly addedGap: Float64Array;
  /** Milliseconds between two frames as they arrived, one per gap. */
  readonly gap: Float64Array;
  readonly failures: Readonly<Record<string, number>>;
}

export async function readStreams(order: StreamOrder): Promise<StreamResult> {
  const { connections = 1 } = order;
  const found: Found = { firstFrame: [], addedGap: [], gap: [], failures: {} };
  const until = performance.now() + order.seconds * 1000;
  const clients = Array.from({ length: connections }, async (_, i) => {
    await delay((1000 * i) / connections);
    await readOne(order, until, found);
  });
  await Promise.all(clients);
  const { firstFrame, addedGap, gap, failures } = found;
  return {
    firstFrame: Float64Array.from(firstFrame),
    addedGap: Float64Array.from(addedGap),
    gap: Float64Array.from(gap),
    failures,
  };
}

interface Found {
  readonly firstFrame: number[];
  readonly addedGap: number[];
  readonly gap: number[];
  readonly failures: Record<string, number>;
}

async function readOne(order: StreamOrder, until: number, found: Found): Promise<void> {
  const url = new URL(order.url);
  const request = requestText('POST', url, order.headers, order.body);
  const { firstFrame, addedGap, gap, failures } = found;
  const connection = new Connection(url);
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
      gap.push(gapArrived);
    }
  }
  connection.close();
}
