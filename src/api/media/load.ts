/**
 * Images and files of a request, from what was sent to what the model is shown (openclaw-http §8.3, §9.3, §10; which
 * rules hold for which model name: docs/decisions/016).
 */
import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Files } from '../../files/files.ts';
import type { FileLimits } from '../../files/limits.ts';
import type { FileRefused } from '../../files/refusal.ts';
import type { Resolve } from '../../net/resolve.ts';
import { openGate } from './gate.ts';
import { isRemote, type Job, jobsOf, tooManyOf, type Wish } from './jobs.ts';
import { type EndpointLimits, type EndpointName, limitsOf } from './limits.ts';
import { mediaBusy, refusedMedia } from './refusal.ts';
import { asSent, type Done, type Shown, shownWith } from './shown.ts';

export interface MediaDeps {
  readonly settings: Pick<Settings, 'http' | 'security'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Names of addresses that callers send; default: as this machine resolves them. */
  readonly resolve?: Resolve;
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
  const gate = openGate(mostLoading, mostWaiting, mediaBusy);
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

async function loadAll(
  deps: MediaDeps,
  limits: EndpointLimits,
  wish: Wish,
  signal: AbortSignal,
): Promise<Shown> {
  const jobs = jobsOf(wish);
  const loader = await openLoader(deps, limits, wish.isOpenClaw);
  const told = ({ kind, param }: Pick<Job, 'kind' | 'param'>, error: FileRefused) => {
    const { reason, message } = error;
    deps.log('warn', 'api.media_refused', { request: wish.request, kind, reason, param, error: message });
    return refusedMedia(error, { kind, endpoint: limits.name, param, isOpenClaw: wish.isOpenClaw });
  };
  try {
    const tooMany = tooManyOf(wish, loader.downloads, limits.files.request);
    if (tooMany !== undefined) throw told(tooMany, loader.refusal(tooMany.why));
    const done = await inParallel(jobs, signal, async (job, both) => {
      try {
        return await loader.run(job, both);
      } catch (error) {
        throw loader.isRefusal(error) ? told(job, error) : error;
      }
    });
    return shownWith(done, jobs, wish.isOpenClaw);
  } finally {
    await loader.close();
  }
}

interface Loader {
  readonly downloads: EndpointLimits['downloads']['hermes'];
  /** Throws FileRefused, or the signal's reason after an abort. */
  run(job: Job, signal: AbortSignal): Promise<Done>;
  isRefusal(error: unknown): error is FileRefused;
  refusal(why: string): FileRefused;
  close(): Promise<void>;
}

/** Whoever fetches such an address may find another host in it, so it is passed on as it was understood here. */
const readDifferently = /[\\\s\u0000-\u001f\u007f]/;

const unlimited: FileLimits['request'] = {
  maxImageParts: Number.POSITIVE_INFINITY,
  maxFileParts: Number.POSITIVE_INFINITY,
  maxUrlParts: Number.POSITIVE_INFINITY,
  maxTotalBytes: Number.POSITIVE_INFINITY,
};

/** The libraries behind it are loaded with the first request that needs them. */
async function openLoader(deps: MediaDeps, limits: EndpointLimits, isOpenClaw: boolean): Promise<Loader> {
  const [{ openFiles }, { FileRefused, refuse }, { checkName }] = await Promise.all([
    import('../../files/files.ts'),
    import('../../files/refusal.ts'),
    import('../../net/egress.ts'),
  ]);
  const { clock, resolve } = deps;
  const allowPrivate = deps.settings.security.allowPrivateUrls;
  const options = { clock, allowPrivate, ...(resolve === undefined ? {} : { resolve }) };
  // Numbers and totals are about the newest message; what came before it was the newest once.
  const newest = openFiles(limits.files, options);
  const past = openFiles({ ...limits.files, request: unlimited }, options);
  const downloads = limits.downloads[isOpenClaw ? 'openclaw' : 'hermes'];
  const hosts = limits.files.images.urlAllowlist.filter((host) => host.trim() !== '');

  const pass = (url: string): Done => {
    try {
      const { href } = checkName(url, { allowPrivate, ...(hosts.length === 0 ? {} : { hosts }) });
      return { url: readDifferently.test(url) ? href : url };
    } catch (error) {
      return refuse('url_refused', error instanceof Error ? error.message : String(error), error);
    }
  };
  const image = async (url: string, files: Files, signal: AbortSignal): Promise<Done> => {
    const isInline = !isRemote(url);
    if (!isInline && downloads === 'refuse') refuse('urls_disabled', 'images by address are not taken');
    if (!isInline && downloads === 'pass') return pass(url);
    try {
      return { url: (await files.image({ kind: 'url', url }, signal)).image_url.url };
    } catch (error) {
      // What nobody can name may still be a picture to the model (api-server §3.2).
      const isUnknown = error instanceof FileRefused && error.reason === 'unreadable_image';
      if (isInline && isUnknown && !isOpenClaw && !/^\s*data:image\/hei[cf]/i.test(url)) return { url };
      throw error;
    }
  };
  return {
    downloads,
    async run(job, signal) {
      const files = job.isNewest ? newest : past;
      if (job.kind === 'image') return image(job.url, files, signal);
      const { text, images } = await files.file(job.file.source, signal);
      return { text, pages: images };
    },
    isRefusal: (error) => error instanceof FileRefused,
    refusal: (why) => new FileRefused('too_many_parts', why),
    async close() {
      await Promise.all([newest.close(), past.close()]);
    },
  };
}

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
