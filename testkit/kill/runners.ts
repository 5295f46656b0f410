/**
 * Programs that start runs and read their events, as docs/guides/runs.md says: the request is repeated with its key
 * after every kill, and the reader comes again with the number of the last event it has.
 */
import type { Api, Json } from './clients.ts';
import { type Asked, isWithFile, messageWithFile } from './questions.ts';

/** One event as it came: its number and its JSON text. */
export interface Heard {
  readonly n: number;
  readonly json: string;
}

export interface SeenRun extends Asked {
  /** Every id that a request with the key was answered with. */
  readonly ids: readonly string[];
  /** What the reader has that came again after every kill. */
  readonly heard: readonly Heard[];
  /** The same events, read once more from the first one after the end. */
  readonly again: readonly Heard[];
  /** `GET /v1/runs/{id}` after the end. */
  readonly status: string;
  readonly output: string | undefined;
  readonly error: string | undefined;
}

export async function startAndFollow(api: Api, text: string): Promise<SeenRun> {
  const withFile = isWithFile(text);
  const input = withFile ? [messageWithFile(text)] : text;
  const ids = new Set<string>();
  const start = async () => {
    const { run_id } = await api.ask('/v1/runs', { input }, text);
    ids.add(String(run_id));
    return String(run_id);
  };
  const id = await start();
  const heard: Heard[] = [];
  // Whoever lost the connection does not know what became of the request either.
  while (!(await listen(api, id, heard))) await start();
  let again: Heard[] = [];
  while (!(await listen(api, id, again))) again = [];
  const { status, output, error } = await api.ask(`/v1/runs/${id}`);
  return {
    text,
    withFile,
    ids: [...ids],
    heard,
    again,
    status: String(status),
    output: textOf(output),
    error: textOf(error),
  };
}

/** Adds what comes behind the last event of `heard`; true when nothing more will come. */
async function listen(api: Api, id: string, heard: Heard[]): Promise<boolean> {
  let closed = false;
  const last = heard.at(-1)?.n;
  await api.frames(`/v1/runs/${id}/events`, last === undefined ? {} : { lastEventId: last }, (frame) => {
    closed ||= frame === ': stream closed';
    const [, n, json] = /^id: (\d+)\ndata: (.*)$/.exec(frame) ?? [];
    if (json !== undefined) heard.push({ n: Number(n), json });
  });
  return closed;
}

const textOf = (value: Json[string]): string | undefined => (typeof value === 'string' ? value : undefined);
