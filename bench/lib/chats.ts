/**
 * Chat completions that one upstream answers: through the gateway, through a server that only passes on, and without
 * anything between.
 */
import type { Subject } from './experiment.ts';
import type { Lab } from './lab.ts';

interface Chat {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the subject's process; the upstream has none of its own. */
  readonly pid: number | undefined;
}

export const subjects: readonly Subject[] = ['ours', 'pass-through', 'upstream'];

export async function openChats(lab: Lab, upstream: string): Promise<Readonly<Record<Subject, Chat>>> {
  const ours = await lab.gateway(await lab.home(upstream));
  const pass = await lab.passThrough(upstream);
  const at = (url: string, headers: Chat['headers'], pid?: number): Chat => ({
    url: `${url}/v1/chat/completions`,
    headers,
    pid,
  });
  return {
    ours: at(ours.url, ours.headers, ours.pid),
    'pass-through': at(pass.url, pass.headers, pass.pid),
    upstream: at(upstream, pass.headers),
  };
}

/** What the upstream answers at once, how it is asked, and a word by which the answer is known. */
export const ferry = {
  answer: 'The harbour opens at six and the first ferry leaves at a quarter past.',
  body: JSON.stringify({
    model: 'bench',
    messages: [{ role: 'user', content: 'When does the first ferry leave?' }],
  }),
  expect: 'harbour',
};

/** Asks for a stream. */
export const story = JSON.stringify({
  model: 'bench',
  stream: true,
  messages: [{ role: 'user', content: 'Tell me a story.' }],
});
