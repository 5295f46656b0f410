/** What is to be loaded of a request, in order, and whether it is too much. */
import type { Message } from '../../core/message.ts';
import type { FileLimits } from '../../files/limits.ts';
import type { Brought, FilePart } from './brought.ts';
import type { Downloads } from './limits.ts';

export interface Wish {
  readonly brought: Brought;
  /** All messages that were sent, the newest last. */
  readonly messages: readonly Message[];
  /** The model is an `openclaw` name: its documented rules hold. */
  readonly isOpenClaw: boolean;
  /** For the log. */
  readonly request: string;
}

/** `isNewest`: of the message that is answered, to which numbers and totals apply. */
export type Job =
  | { readonly kind: 'image'; readonly url: string; readonly param: string; readonly isNewest: boolean }
  | { readonly kind: 'file'; readonly file: FilePart; readonly param: string; readonly isNewest: boolean };

/** Of OpenClaw names only the newest message counts; each image address is loaded once. */
export function jobsOf(wish: Wish): readonly Job[] {
  const { brought, messages, isOpenClaw } = wish;
  const jobs = new Map<string, Job>();
  const paramOf = (url: string) => brought.images.get(url) ?? 'input';
  const answered = answeredOf(wish);
  for (const message of [...(answered === undefined ? [] : [answered]), ...(isOpenClaw ? [] : messages)]) {
    for (const url of imagesIn(message)) {
      const isNewest = message === answered;
      if (!jobs.has(url)) jobs.set(url, { kind: 'image', url, param: paramOf(url), isNewest });
    }
  }
  const files = brought.files.flatMap((file): Job[] => {
    const isNewest = file.param === brought.newest;
    return isOpenClaw && !isNewest ? [] : [{ kind: 'file', file, param: file.param, isNewest }];
  });
  return [...jobs.values(), ...files];
}

function imagesIn(message: Message): readonly string[] {
  if (message.role !== 'user' || typeof message.content === 'string') return [];
  return message.content.flatMap((part) => (part.type === 'image_url' ? [part.image_url.url] : []));
}

export interface TooMany {
  readonly kind: Job['kind'];
  readonly param: string;
  readonly why: string;
}

/**
 * Parts are counted as often as they stand there. Under an ordinary name an address of an earlier message counts only if it
 * is downloaded; under an OpenClaw name all of them count (openclaw-http §9.3).
 */
export function tooManyOf(
  wish: Wish,
  downloads: Downloads,
  { maxImageParts, maxFileParts, maxUrlParts }: FileLimits['request'],
): TooMany | undefined {
  const { brought, isOpenClaw } = wish;
  const answered = answeredOf(wish);
  const paramOf = (url: string) => brought.images.get(url) ?? 'input';
  const images = (answered === undefined ? [] : imagesIn(answered)).map((url) => ({
    kind: 'image' as const,
    param: paramOf(url),
    url,
  }));
  const files = brought.files.map(({ source, param }) => ({
    kind: 'file' as const,
    param,
    url: source.kind === 'url' ? source.url : 'data:',
  }));
  const isNew = new Set(images.map(({ url }) => url));
  const earlier = [...brought.images]
    .filter(([url]) => !isNew.has(url) && (isOpenClaw || downloads === 'download'))
    .map(([url, param]) => ({ kind: 'image' as const, param, url }));
  const over = (found: readonly Omit<TooMany, 'why'>[], most: number, what: string) => {
    const one = found[most];
    return one && { kind: one.kind, param: one.param, why: `more than ${most} ${what}` };
  };
  return (
    over(images, maxImageParts, 'images in one message') ??
    over(
      files.filter(({ param }) => param === brought.newest),
      maxFileParts,
      'files in one message',
    ) ??
    over(
      [...images, ...files, ...earlier].filter(({ url }) => isRemote(url)),
      maxUrlParts,
      'images and files by address',
    )
  );
}

const answeredOf = ({ brought, messages }: Wish): Message | undefined =>
  brought.newest === undefined ? undefined : messages.at(-1);

export const isRemote = (url: string) => !/^\s*data:/i.test(url);
