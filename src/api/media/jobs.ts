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
export function jobsOf({ brought, messages, isOpenClaw }: Wish): readonly Job[] {
  const jobs = new Map<string, Job>();
  const paramOf = (url: string) => brought.images.get(url) ?? 'input';
  const last = messages.at(-1);
  const answered = brought.newest === undefined ? undefined : last;
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

/** Addresses that are only passed on are counted in the newest message alone: nothing is downloaded for the others. */
export function tooManyOf(
  jobs: readonly Job[],
  downloads: Downloads,
  { maxImageParts, maxFileParts, maxUrlParts }: FileLimits['request'],
): { readonly job: Job; readonly why: string } | undefined {
  const over = (found: readonly Job[], most: number, what: string) => {
    const job = found[most];
    return job === undefined ? undefined : { job, why: `more than ${most} ${what}` };
  };
  const addressed = jobs.filter((job) => {
    if (job.kind === 'file') return job.file.source.kind === 'url' && isRemote(job.file.source.url);
    return isRemote(job.url) && (downloads === 'download' || job.isNewest);
  });
  const newest = jobs.filter((job) => job.isNewest);
  return (
    over(
      newest.filter(({ kind }) => kind === 'image'),
      maxImageParts,
      'images in one message',
    ) ??
    over(
      newest.filter(({ kind }) => kind === 'file'),
      maxFileParts,
      'files in one message',
    ) ??
    over(addressed, maxUrlParts, 'images and files by address')
  );
}

export const isRemote = (url: string) => !/^\s*data:/i.test(url);
