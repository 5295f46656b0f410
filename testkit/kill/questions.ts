/** What programs ask for and what the fake model makes of it: long answers, so that kills fall into them. */
import type { Reply, UpstreamRequest } from '../upstream/index.ts';
import type { Json } from './clients.ts';

export interface Asked {
  /** Unique; the answer repeats it. */
  readonly text: string;
  /** The answer can be made from the file of the request alone. */
  readonly withFile: boolean;
}

/** Said by the gateway of a request whose file went with its process. */
export const fileIsGone = /files of the request were not stored/;

/** Every third text comes with a file. */
export const isWithFile = (text: string): boolean => Number(text.split('-')[1]) % 3 === 2;

/** Stands in the file of a request and nowhere else. */
const mark = 'INSIDE-THE-FILE-OF-';
const inFile = (text: string) => `${mark}${text}.`;

/** Whether what is on the disk shows what was in any file, as text or as it was sent. */
export const tellsOfFiles = (text: string): boolean => text.includes(mark) || text.includes(markAsSent);
/** Base64 of the largest part of the mark that does not depend on what follows. */
const markAsSent = Buffer.from(mark.slice(0, -1)).toString('base64');

export const answerTo = ({ text, withFile }: Asked): string =>
  `${withFile ? 'read' : 'echo:'} ${text} with one word and another and so on to the end`;

/** One user message of the Responses API and of runs. */
export function messageWithFile(text: string): Json {
  const data = Buffer.from(inFile(text)).toString('base64');
  return {
    role: 'user',
    content: [
      { type: 'input_text', text },
      { type: 'input_file', filename: 'note.txt', file_data: `data:text/plain;base64,${data}` },
    ],
  };
}

/** The fake model's reply to everything that is asked here: an echo, for programs a long one, sometimes after a command. */
export function replyTo({ body, lastUserText: text }: UpstreamRequest): Reply {
  const task = /\bt\d+-\d+\b/.exec(text);
  if (task !== null) return { text: `did ${task[0]}` };
  const [, letter = '', number = ''] = /^([urbs])\d+-(\d+)$/.exec(text) ?? [];
  const messages = body['messages'] as readonly { readonly role: string }[];
  // Nobody resumes the turn of a stream, so its key may run a command again.
  const usesTool = letter !== 's' && number !== '' && Number(number) % 4 === 0;
  if (usesTool && messages.at(-1)?.role !== 'tool') return leaveLine(text);
  if (letter === '' || letter === 'u') return { text: `echo: ${text}` };
  const withFile = letter !== 's' && isWithFile(text);
  if (withFile && !JSON.stringify(messages).includes(inFile(text)))
    return { text: `no file came with ${text}` };
  // Slow ones are cut inside their text, fast ones between its end and what is recorded of it.
  const fault = Number(number) % 2 === 0 ? ({ kind: 'slow', msPerFrame: 20 } as const) : undefined;
  return { text: answerTo({ text, withFile }), ...(fault === undefined ? {} : { fault }) };
}

/** The line must not appear twice. */
function leaveLine(text: string): Reply {
  return { toolCalls: [{ name: 'terminal', arguments: { command: `echo ${text} >> "$HOME/ran.txt"` } }] };
}
