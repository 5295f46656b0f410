/** The clients, in a process of their own. */
import { load } from './load.ts';
import { pushes } from './pushes.ts';
import { readStreams } from './streams.ts';
import { serveJobs } from './worker.ts';

const jobs = { load, pushes, readStreams };
export type LoadJobs = typeof jobs;

serveJobs(jobs);
