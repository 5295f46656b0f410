/** The steps every tool that changes a file shares: resolve, refuse, lock, look, write, check, remember. */

import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ToolDeps } from '../deps.ts';
import type { Stamp, TaskState } from '../task-state.ts';
import {
  absolute,
  FileRefusal,
  openRegular,
  readAll,
  realPlaces,
  realTarget,
  writeAtomically,
} from './open.ts';
import { foreignProfile, type Places, readRefusal, writeRefusal } from './places.ts';
import { decode, encode, looksBinary, type TextShape } from './text.ts';

const maxBytes = 50_000_000;

export interface Target {
  /** Real path; symlinks resolved. */
  readonly path: string;
  /** What the model wrote. */
  readonly asked: string;
}

/** Resolves `asked` and throws `FileRefusal` when the tools must not change it. */
export async function writableTarget(
  asked: string,
  task: TaskState,
  places: Places,
  crossProfile: boolean,
): Promise<Target> {
  const plain = absolute(asked, task.cwd, places.userHomes[0] ?? '/');
  const path = await realTarget(plain);
  const real = await realPlaces(places);
  const why = writeRefusal(path, real) ?? writeRefusal(plain, { ...places, writeRoot: undefined });
  if (why !== undefined) throw new FileRefusal('refused', `Write denied: ${asked}: ${why}.`);
  const owner = foreignProfile(path, real);
  if (owner !== undefined && !crossProfile) {
    throw new FileRefusal(
      'refused',
      `Write denied: ${asked} belongs to the profile '${owner}'. Set cross_profile=true only if the user asked to change that profile.`,
    );
  }
  return { path, asked };
}

export interface Loaded {
  readonly text: string;
  readonly shape: TextShape;
  readonly stamp: Stamp;
}

/** The text of a file to change, or undefined when there is none yet. */
export async function load(target: Target, places: Places): Promise<Loaded | undefined> {
  const why = readRefusal(target.path, await realPlaces(places));
  if (why !== undefined) throw new FileRefusal('refused', `Access denied: ${target.asked}: ${why}.`);
  let handle: Awaited<ReturnType<typeof openRegular>>;
  try {
    handle = await openRegular(target.path);
  } catch (error) {
    if (error instanceof FileRefusal && error.code === 'missing') return undefined;
    throw error;
  }
  await using _ = { [Symbol.asyncDispose]: () => handle.close() };
  const { bytes, stamp } = await readAll(handle, maxBytes);
  const decoded = looksBinary(bytes) ? undefined : decode(bytes);
  if (decoded === undefined) throw new FileRefusal('binary', `${target.asked} is not a UTF-8 text file.`);
  return { ...decoded, stamp };
}

/** Writes and remembers the new version as seen by this task. Creates parent directories. */
export async function save(
  target: Target,
  text: string,
  shape: TextShape,
  task: TaskState,
  deps: ToolDeps,
  places: Places,
): Promise<{ readonly bytes: number; readonly dirsCreated: boolean }> {
  const bytes = encode(text, shape);
  const real = await realPlaces(places);
  const made = await mkdir(dirname(target.path), { recursive: true });
  const stamp = await writeAtomically(target.path, bytes, deps.clock.hex(6), (path) => {
    const why = writeRefusal(path, real);
    if (why !== undefined) throw new FileRefusal('refused', `Write denied: ${target.asked}: ${why}.`);
  });
  deps.tasks.wrote(task.id, target.path, stamp);
  for (const key of task.reads.keys())
    if (key.startsWith(`[${JSON.stringify(target.path)},`)) task.reads.delete(key);
  return { bytes: bytes.length, dirsCreated: made !== undefined };
}

/** A warning when somebody else changed the file after this task last saw it. */
export function staleWarning(
  target: Target,
  found: Stamp,
  task: TaskState,
  deps: ToolDeps,
): string | undefined {
  const seen = task.seen.get(target.path);
  if (seen === undefined || (seen.mtimeMs === found.mtimeMs && seen.size === found.size)) return undefined;
  const writer = deps.tasks.wroteLast(target.path);
  const who =
    writer !== undefined && writer.task !== task.id && writer.stamp.mtimeMs === found.mtimeMs
      ? 'another agent changed it'
      : 'it changed on disk';
  return `${target.asked}: ${who} after you last read it. Check that nothing of that change was lost.`;
}

const locks = new Map<string, Promise<unknown>>();

/** Runs `work` alone among all changes of these files in this process. Locks are taken in one order. */
export async function alone<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
  const [first, ...rest] = [...new Set(paths)].sort();
  if (first === undefined) return await work();
  const before = locks.get(first) ?? Promise.resolve();
  const mine = before.then(
    () => alone(rest, work),
    () => alone(rest, work),
  );
  locks.set(first, mine);
  try {
    return await mine;
  } finally {
    if (locks.get(first) === mine) locks.delete(first);
  }
}
