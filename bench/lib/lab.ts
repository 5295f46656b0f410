/** What experiments work with: the processes around the subjects, and the subjects. */
import { join } from 'node:path';
import type { Subject } from './experiment.ts';
import type { FarJobs } from './far-process.ts';
import type { LoadJobs } from './load-process.ts';
import { type Build, openPackage, type Package } from './package.ts';
import { type GatewayWish, type Home, makeHome, type Running, startGateway, startPlain } from './subject.ts';
import { startWorker, type Worker } from './worker.ts';

export interface LabOptions {
  readonly build: Build;
  /** Where homes are made; decides which disk is measured. */
  readonly homes: string;
  readonly nodeFlags: readonly string[];
}

export class Lab {
  readonly far: Worker<FarJobs>;
  readonly clients: Worker<LoadJobs>;
  readonly #options: LabOptions;
  readonly #package: Package;
  readonly #closers: (() => Promise<void> | void)[] = [];
  readonly #started: { readonly subject: Subject; readonly running: Running }[] = [];
  #home: Home | undefined;

  constructor(options: LabOptions) {
    this.#options = options;
    this.#package = openPackage(options.build, options.homes);
    this.far = startWorker<FarJobs>(join(import.meta.dirname, 'far-process.ts'), 'around');
    this.clients = startWorker<LoadJobs>(join(import.meta.dirname, 'load-process.ts'), 'around');
  }

  /** Folder on the disk that the gateway writes to. */
  get folder(): string {
    return this.#home?.path ?? this.#options.homes;
  }

  async home(upstream: string, wish: Omit<GatewayWish, 'upstream'> = {}): Promise<Home> {
    const home = await makeHome(this.#options.homes, { upstream, ...wish });
    this.#home = home;
    this.#closers.push(() => home.remove());
    return home;
  }

  /** Runs until it is stopped or the experiment ends. */
  async gateway(home: Home): Promise<Running> {
    const running = await startGateway(home, [...this.#options.nodeFlags, this.#package.launcher]);
    return this.#own('ours', running);
  }

  async passThrough(upstream: string): Promise<Running> {
    const running = await startPlain('pass-through.mjs', upstream);
    return this.#own('pass-through', running);
  }

  /** A plain server that writes what comes from the upstream to all its clients. */
  async fanOut(upstream: string): Promise<Running> {
    return this.#own('pass-through', await startPlain('fan-out.mjs', upstream));
  }

  #own(subject: Subject, running: Running): Running {
    this.#started.push({ subject, running });
    this.#closers.push(() => running.stop());
    return running;
  }

  /** How a process of the subject ended that nobody stopped. */
  died(subject: Subject): string | undefined {
    return this.#started
      .filter((each) => each.subject === subject)
      .map(({ running }) => running.died())
      .find((how) => how !== undefined);
  }

  /** Ends the subjects of an experiment. */
  async clear(): Promise<void> {
    this.#home = undefined;
    this.#started.length = 0;
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  async close(): Promise<void> {
    await this.clear();
    this.#package.remove();
    await Promise.all([this.far.close(), this.clients.close()]);
  }
}
