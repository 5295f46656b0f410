/**
 * Images and files of a request, from what was sent to what the model is shown (openclaw-http §8.3, §9.3, §10; which
 * rules hold for which model name: docs/decisions/016).
 */
import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Content, ContentPart, Message } from '../../core/message.ts';
import type { Files } from '../../files/files.ts';
import type { FileLimits } from '../../files/limits.ts';
import type { FileRefused } from '../../files/refusal.ts';
import type { Resolve } from '../../net/resolve.ts';
import type { Unstored } from '../../turn/contract.ts';
import { ApiError } from '../errors.ts';
import type { Brought, FilePart } from './brought.ts';
import { openGate } from './gate.ts';
import { type EndpointLimits, type EndpointName, limitsOf } from './limits.ts';
import { type MediaKind, refusedMedia } from './refusal.ts';

export interface MediaDeps {
  readonly settings: Pick<Settings, 'http' | 'security'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Names of addresses that callers send; default: as this machine resolves them. */
  readonly resolve?: Resolve;
}

export interface Wish {
  readonly brought: Brought;
  /** All messages that were sent, the newest last. */
  readonly messages: readonly Message[];
  /** The model is an `openclaw` name: its documented rules hold. */
  readonly isOpenClaw: boolean;
  /** For the log. */
  readonly request: string;
}

/** A request as the model sees it. */
export interface Shown {
  /** Any messages of the request, in any number. */
  messages(list: readonly Message[]): readonly Message[];
  content(content: Content): Content;
  /** Text and pages of the files; undefined without files. */
  readonly unstored: Unstored | undefined;
}

export interface EndpointMedia {
  readonly maxBodyBytes: number;
  /**
   * Downloads, checks and converts. Throws ApiError for whatever is not taken, and the signal's reason after an abort.
   * A request that brings nothing costs nothing.
   */
  load(wish: Wish, signal: AbortSignal): Promise<Shown>;
}

/** Requests whose images and files are in memory at once, and how many may wait for that. */
const mostLoading = 8;
const mostWaiting = 64;
/** Parts of one request that are worked on at once. */
const width = 4;

export function openMedia(deps: MediaDeps): Readonly<Record<EndpointName, EndpointMedia>> {
  const gate = openGate(mostLoading, mostWaiting, () => {
    return new ApiError(503, 'Too many images and files are being read at the moment; retry shortly.', {
      code: 'media_busy',
      headers: { 'Retry-After': '1' },
    });
  });
  const endpoint = (name: EndpointName): EndpointMedia => {
    const limits = limitsOf(deps.settings.http, name);
    return {
      maxBodyBytes: limits.maxBodyBytes,
      async load(wish, signal) {
        const { images, files } = wish.brought;
        if (images.size === 0 && files.length === 0) return asSent;
        const leave = await gate.enter(signal);
        try {
          return await loadAll(deps, limits, wish, signal);
        } finally {
          leave();
        }
      },
    };
  };
  return { chatCompletions: endpoint('chatCompletions'), responses: endpoint('responses') };
}

const asSent: Shown = { messages: (list) => list, content: (content) => content, unstored: undefined };

type Job =
  | { readonly kind: 'image'; readonly url: string; readonly param: string; readonly isNewest: boolean }
  | { readonly kind: 'file'; readonly file: FilePart; readonly param: string; readonly isNewest: boolean };

type Done = { readonly url: string } | { readonly text: string; readonly pages: readonly ContentPart[] };

async function loadAll(
  deps: MediaDeps,
  limits: EndpointLimits,
  wish: Wish,
  signal: AbortSignal,
): Promise<Shown> {
  const [{ openFiles }, refusals, { checkName }] = await Promise.all([
    import('../../files/files.ts'),
    import('../../files/refusal.ts'),
    import('../../net/egress.ts'),
  ]);
  const { clock, log, resolve } = deps;
  const allowPrivate = deps.settings.security.allowPrivateUrls;
  const options = { clock, allowPrivate, ...(resolve === undefined ? {} : { resolve }) };
  const opened: Files[] = [];
  const open = (some: FileLimits) => {
    const files = openFiles(some, options);
    opened.push(files);
    return files;
  };
  // Counts and totals are about the newest message; what came before was the newest once.
  const newest = open(limits.files);
  const past = open({ ...limits.files, request: unlimited });
  const downloads = limits.downloads[wish.isOpenClaw ? 'openclaw' : 'hermes'];
  const { urlAllowlist } = limits.files.images;
  const hosts = urlAllowlist.filter((host) => host.trim() !== '');

  const pass = (url: string) => {
    try {
      checkName(url, { allowPrivate, ...(hosts.length === 0 ? {} : { hosts }) });
      return { url };
    } catch (error) {
      return refusals.refuse('url_refused', error instanceof Error ? error.message : String(error), error);
    }
  };
  const image = async (url: string, files: Files, both: AbortSignal): Promise<Done> => {
    const isInline = /^\s*data:/i.test(url);
    if (!isInline && downloads === 'refuse')
      refusals.refuse('urls_disabled', 'images by address are not taken');
    if (!isInline && downloads === 'pass') return pass(url);
    try {
      return { url: (await files.image({ kind: 'url', url }, both)).image_url.url };
    } catch (error) {
      // What nobody can name may still be a picture to the model (api-server §3.2).
      const isUnknown = error instanceof refusals.FileRefused && error.reason === 'unreadable_image';
      if (isInline && isUnknown && !wish.isOpenClaw && !/^\s*data:image\/hei[cf]/i.test(url)) return { url };
      throw error;
    }
  };
  const work = async (job: Job, both: AbortSignal): Promise<Done> => {
    const files = job.isNewest ? newest : past;
    try {
      if (job.kind === 'image') return await image(job.url, files, both);
      const { text, images } = await files.file(job.file.source, both);
      return { text, pages: images };
    } catch (error) {
      if (!(error instanceof refusals.FileRefused)) throw error;
      throw refusal(error, job.kind, job.param);
    }
  };
  const refusal = (error: FileRefused, kind: MediaKind, param: string) => {
    const { reason, message } = error;
    log('warn', 'api.media_refused', { request: wish.request, kind, reason, param, error: message });
    return refusedMedia(error, { kind, endpoint: limits.name, param, isOpenClaw: wish.isOpenClaw });
  };

  const jobs = jobsOf(wish);
  const tooMany = tooManyOf(jobs, downloads, limits.files.request);
  if (tooMany !== undefined) {
    throw refusal(
      new refusals.FileRefused('too_many_parts', tooMany.why),
      tooMany.job.kind,
      tooMany.job.param,
    );
  }
  try {
    const done = await inParallel(jobs, signal, work);
    return shownWith(done, jobs, wish.isOpenClaw);
  } finally {
    await Promise.all(opened.map((files) => files.close()));
  }
}

const unlimited: FileLimits['request'] = {
  maxImageParts: Number.POSITIVE_INFINITY,
  maxFileParts: Number.POSITIVE_INFINITY,
  maxUrlParts: Number.POSITIVE_INFINITY,
  maxTotalBytes: Number.POSITIVE_INFINITY,
};

/** Of OpenClaw names only the newest message counts; each image address is loaded once. */
function jobsOf({ brought, messages, isOpenClaw }: Wish): readonly Job[] {
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
function tooManyOf(
  jobs: readonly Job[],
  downloads: EndpointLimits['downloads']['hermes'],
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

const isRemote = (url: string) => !/^\s*data:/i.test(url);

/** At most `width` at once; the first failure ends the others. */
async function inParallel(
  jobs: readonly Job[],
  signal: AbortSignal,
  work: (job: Job, signal: AbortSignal) => Promise<Done>,
): Promise<readonly Done[]> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const done: Done[] = [];
  const waiting = jobs.entries();
  const lane = async () => {
    for (const [index, job] of waiting) {
      both.throwIfAborted();
      done[index] = await work(job, both);
    }
  };
  const lanes = Array.from({ length: Math.min(width, jobs.length) }, lane);
  try {
    await Promise.all(lanes);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(lanes);
    throw error;
  }
  return done;
}

/** Said for a person who sent images and no word (openclaw-http §8.3). */
const onlyImages = 'User sent image(s) with no text.';

function shownWith(done: readonly Done[], jobs: readonly Job[], isOpenClaw: boolean): Shown {
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
