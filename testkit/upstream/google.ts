/** Google generateContent as documented at ai.google.dev/api/generate-content. */
import { badFunction, contentText, data, list, object } from './shape.ts';
import type { Answer, Json, Refusal, Wire } from './types.ts';

const finishes = {
  stop: 'STOP',
  length: 'MAX_TOKENS',
  'tool-calls': 'STOP',
  'content-filter': 'SAFETY',
} as const;

const statuses: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
};

export const google: Wire = {
  name: 'google',
  matches: (path) => /\/models\/[^/]+:(stream)?[gG]enerateContent$/.test(path),
  authorised: (headers, _path, key) => headers['x-goog-api-key'] === key,
  // Google answers 400 to a wrong key, not 401.
  unauthorised: { status: 400, body: error(400, 'API key not valid. Please pass a valid API key.') },
  refuse,
  streams: (_body, path) => path.includes(':streamGenerateContent'),
  lastUserText(body) {
    const isText = (turn: unknown) => object(turn)?.['role'] === 'user' && turnText(turn) !== '';
    return turnText((list(body['contents']) ?? []).findLast(isText));
  },
  frames,
  json: (answer) => chunk(answer, parts(answer), true),
  error: (status, message) => error(status, message),
  errorFrame: (status, message) => data(error(status, message)),
};

function error(status: number, message: string): unknown {
  return { error: { code: status, message, status: statuses[status] ?? 'UNKNOWN' } };
}

function turnText(turn: unknown): string {
  return contentText(object(turn)?.['parts']);
}

function refuse(body: Json, issued: ReadonlySet<string>): Refusal | undefined {
  const bad = (message: string): Refusal => ({ status: 400, message });
  const contents = list(body['contents']);
  if (contents === undefined || contents.length === 0)
    return bad('* GenerateContentRequest.contents: contents is not specified');
  let calls = 0;
  for (const [index, value] of contents.entries()) {
    const turn = object(value) ?? {};
    const role = turn['role'];
    if (role !== 'user' && role !== 'model') return bad('Please use a valid role: user, model.');
    const turnParts = (list(turn['parts']) ?? []).map((part) => object(part) ?? {});
    if (turnParts.length === 0)
      return bad(`* GenerateContentRequest.contents[${index}].parts: contents.parts must not be empty.`);
    const answers = turnParts.filter((part) => part['functionResponse'] !== undefined).length;
    if (answers !== calls) {
      return bad(
        'Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.',
      );
    }
    calls = turnParts.filter((part) => part['functionCall'] !== undefined).length;
    if (calls > 0 && index === 0) {
      return bad(
        'Please ensure that function call turn comes immediately after a user turn or after a function response turn.',
      );
    }
    for (const part of turnParts) {
      const signature = part['thoughtSignature'];
      if (signature !== undefined && !issued.has(String(signature)))
        return bad('Thought signature is not valid.');
    }
  }
  if (calls > 0) return bad('Please ensure that function call turns are answered.');
  for (const tool of list(body['tools']) ?? []) {
    for (const declaration of list(object(tool)?.['functionDeclarations']) ?? []) {
      const why = badFunction(object(declaration)?.['name'], object(declaration)?.['parameters']);
      if (why !== undefined) return bad(why);
    }
  }
  return undefined;
}

function parts(answer: Answer): Json[] {
  return [
    ...(answer.reasoning === '' ? [] : [{ text: answer.reasoning, thought: true }]),
    ...answer.deltas.map((delta) => ({ text: delta })),
    ...answer.calls.map((call) => ({
      functionCall: { id: call.id, name: call.name, args: JSON.parse(call.arguments) as unknown },
      thoughtSignature: answer.opaque,
    })),
  ];
}

function chunk(answer: Answer, content: readonly Json[], last: boolean): unknown {
  const { usage: u } = answer;
  return {
    candidates: [
      {
        content: { parts: content, role: 'model' },
        index: 0,
        ...(last && { finishReason: finishes[answer.finish] }),
      },
    ],
    usageMetadata: {
      promptTokenCount: u.input,
      ...(last && { candidatesTokenCount: u.output - u.reasoning, thoughtsTokenCount: u.reasoning }),
      cachedContentTokenCount: u.cached,
      totalTokenCount: u.input + (last ? u.output : 0),
    },
    modelVersion: answer.model,
    responseId: answer.id,
  };
}

function frames(answer: Answer): string[] {
  const all = parts(answer);
  const out = all.map((part, index) => data(chunk(answer, [part], index === all.length - 1)));
  return out.length > 0 ? out : [data(chunk(answer, [{ text: '' }], true))];
}
