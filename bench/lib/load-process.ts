/** The clients, in a process of their own. */
import { load } from './load.ts';
import { pushes } from './pushes.ts';
import { hold, nextToAll, release } from './readers.ts';
import { readStreams } from './streams.ts';
import { serveJobs } from './worker.ts';

const jobs = { hold, load, nextToAll, pushes, readStreams, release };
export type LoadJobs = typeof jobs;

serveJobs(jobs);
