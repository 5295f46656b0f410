/** Programs at `/v1/responses`: in the background with polling, and stored streams that a kill cuts. */
import { type Api, type Json, pause } from './clients.ts';
import { type Asked, isWithFile, messageWithFile } from './questions.ts';

export interface SeenResponse extends Asked {
  /** The response that the program took for its answer. */
  readonly id: string;
  readonly status: string;
  readonly output: string;
  readonly error: string | undefined;
  /** Streams that broke off: what the stored response said when it was first looked at in the next process. */
  readonly cuts: readonly { readonly id: string; readonly status: string }[];
}

const pollMs = 60;

/** Asks in the background and looks until there is an end. */
export async function pollForEnd(api: Api, text: string): Promise<SeenResponse> {
  const withFile = isWithFile(text);
  const input = withFile ? [messageWithFile(text)] : text;
  const begun = await api.ask('/v1/responses', { model: 'hermes-agent', input, background: true }, text);
  const id = String(begun['id']);
  for (;;) {
    const now = await api.ask(`/v1/responses/${id}`);
    if (!isOpen(now)) return { text, withFile, id, cuts: [], ...endOf(now) };
    await pause(pollMs);
  }
}

/** Streams; after a cut looks at the stored response and asks again with the same key until an answer is complete. */
export async function streamUntilDone(api: Api, text: string): Promise<SeenResponse> {
  const cuts: { readonly id: string; readonly status: string }[] = [];
  for (;;) {
    let id = '';
    let last: Json | undefined;
    await api.frames(
      '/v1/responses',
      { body: { model: 'hermes-agent', input: text, stream: true }, key: text },
      (frame) => {
        const data = /^data: (\{.*\})$/m.exec(frame)?.[1];
        const response = data && (JSON.parse(data) as { readonly response?: Json }).response;
        if (!response) return;
        id = String(response['id']);
        if (!isOpen(response)) last = response;
      },
    );
    if (last === undefined && id !== '') {
      const stored = await api.ask(`/v1/responses/${id}`);
      cuts.push({ id, status: String(stored['status']) });
    }
    if (last !== undefined) return { text, withFile: false, id, cuts, ...endOf(last) };
  }
}

const isOpen = ({ status }: Json) => status === 'queued' || status === 'in_progress';

function endOf(response: Json) {
  const output = response['output'] as readonly {
    readonly type: string;
    readonly content?: readonly Json[];
  }[];
  const texts = output.flatMap(({ type, content = [] }) => (type === 'message' ? content : []));
  const error = response['error'] as { readonly message: string } | null;
  return {
    status: String(response['status']),
    output: texts.map((part) => String(part['text'])).join(''),
    error: error?.message,
  };
}
