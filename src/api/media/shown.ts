/** A request as the model sees it, once everything is loaded. */
import type { Content, ContentPart, Message } from '../../core/message.ts';
import type { Unstored } from '../../turn/contract.ts';
import type { Job } from './jobs.ts';

export interface Shown {
  /** Any messages of the request, in any number. */
  messages(list: readonly Message[]): readonly Message[];
  content(content: Content): Content;
  /** Text and pages of the files; undefined without files. */
  readonly unstored: Unstored | undefined;
}

export const asSent: Shown = {
  messages: (list) => list,
  content: (content) => content,
  unstored: undefined,
};

/** What came of one job: the address that the model gets, or the text and pages of a file. */
export type Done =
  | { readonly url: string }
  | { readonly text: string; readonly pages: readonly ContentPart[] };

/** Said for a person who sent images and no word (openclaw-http §8.3). */
const onlyImages = 'User sent image(s) with no text.';

export function shownWith(done: readonly Done[], jobs: readonly Job[], isOpenClaw: boolean): Shown {
  const urls = new Map<string, string>();
  const texts: string[] = [];
  const pages: ContentPart[] = [];
  for (const [index, job] of jobs.entries()) {
    const result = done[index]!;
    if (job.kind === 'image' && 'url' in result) urls.set(job.url, result.url);
    else if ('text' in result) {
      texts.push(result.text);
      pages.push(...result.pages);
    }
  }
  const content = (sent: Content): Content => {
    if (typeof sent === 'string') return sent;
    const parts = sent.flatMap((part): readonly ContentPart[] => {
      if (part.type === 'text') return [part];
      const url = urls.get(part.image_url.url);
      if (url === undefined) return isOpenClaw ? [] : [part];
      return [{ ...part, image_url: { ...part.image_url, url } }];
    });
    if (!parts.some((part) => part.type === 'image_url'))
      return parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
    const isSilent = !parts.some((part) => part.type === 'text' && part.text.trim() !== '');
    return isOpenClaw && isSilent ? [{ type: 'text', text: onlyImages }, ...parts] : parts;
  };
  return {
    content,
    messages: (list) =>
      list.flatMap((message): readonly Message[] => {
        if (message.role !== 'user' || typeof message.content === 'string') return [message];
        const shown = content(message.content);
        // Nothing but an old picture: gone with it.
        return shown === '' ? [] : [{ ...message, content: shown }];
      }),
    unstored:
      texts.length === 0 && pages.length === 0 ? undefined : { system: texts.join('\n\n'), parts: pages },
  };
}
