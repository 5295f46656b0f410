/** What the tools remember about one task (a working directory shared by its turns). All of it may be lost. */

import type { ShellState } from './terminal/session.ts';

/** One version of a file as somebody saw or left it. */
export interface Stamp {
  readonly mtimeMs: number;
  readonly size: number;
}

export interface TaskState {
  readonly id: string;
  /** Absolute; relative paths of the file tools start here. */
  cwd: string;
  shell: Promise<ShellState> | undefined;
  /** By real path: the version this task last read or wrote. */
  readonly seen: Map<string, Stamp>;
  /** By path, range and version: how often the text was asked for since it was last given. */
  readonly reads: Map<string, number>;
  /** The last call of a reading tool, and how often it was repeated without another in between. */
  streak: { key: string; count: number };
  readonly patchFailures: Map<string, number>;
}

const maxTasks = 256;
const maxPaths = 1_000;

export interface TaskStates {
  of(task: string): TaskState;
  all(): Iterable<TaskState>;
  /** A tool that is not a reading one ran: repeated reads are no loop any more. */
  otherTool(task: string): void;
  /** The conversation was shortened: what was read before may be asked for again. */
  forgetReads(task: string): void;
  /** Another task wrote `path` after `stamp` was taken. */
  wroteLast(path: string): { readonly task: string; readonly stamp: Stamp } | undefined;
  wrote(task: string, path: string, stamp: Stamp): void;
}

/** `evict` is called for a task that falls out because too many are known. */
export function openTaskStates(startIn: string, evict: (state: TaskState) => void): TaskStates {
  const tasks = new Map<string, TaskState>();
  const writers = new Map<string, { readonly task: string; readonly stamp: Stamp }>();
  const of = (id: string): TaskState => {
    const known = tasks.get(id);
    const state: TaskState = known ?? {
      id,
      cwd: startIn,
      shell: undefined,
      seen: new Map(),
      reads: new Map(),
      streak: { key: '', count: 0 },
      patchFailures: new Map(),
    };
    tasks.delete(id);
    tasks.set(id, state);
    if (tasks.size > maxTasks) {
      const [oldest] = tasks.values();
      if (oldest !== undefined) {
        tasks.delete(oldest.id);
        evict(oldest);
      }
    }
    return state;
  };
  const clear = (task: string) => {
    const state = tasks.get(task);
    if (state === undefined) return;
    state.reads.clear();
    state.streak = { key: '', count: 0 };
  };
  return {
    of,
    all: () => tasks.values(),
    otherTool: (task) => {
      const state = tasks.get(task);
      if (state === undefined) return;
      state.streak = { key: '', count: 0 };
      // The text is still in the conversation, so asking again is answered, but it is no loop.
      for (const [key, count] of state.reads) if (count > 1) state.reads.set(key, 1);
    },
    forgetReads: clear,
    wroteLast: (path) => writers.get(path),
    wrote: (task, path, stamp) => {
      remember(writers, path, { task, stamp });
      remember(of(task).seen, path, stamp);
    },
  };
}

/** Sets a key of a map that forgets its oldest keys. */
export function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > maxPaths) {
    const [oldest] = map.keys();
    if (oldest !== undefined) map.delete(oldest);
  }
}

/** Counts equal consecutive calls of reading tools; the first is 1. */
export function repeat(state: TaskState, key: string): number {
  state.streak = { key, count: state.streak.key === key ? state.streak.count + 1 : 1 };
  return state.streak.count;
}
