/**
 * The search itself. It runs in a thread of its own, because a pattern of a model may take exponential time on
 * some text and a tree may be huge: the thread can be ended at any moment, the gateway never waits for it.
 * The function is handed over as source text, so it may use nothing from outside its own body.
 */

export interface SearchJob {
  readonly root: string;
  readonly target: 'content' | 'files';
  readonly pattern: string;
  readonly glob: string | undefined;
  /** Lines before and after each match. */
  readonly context: number;
  /** Matches (content) after which it stops. */
  readonly maxMatches: number;
  readonly maxEntries: number;
  readonly maxFileBytes: number;
  readonly maxLineLength: number;
  /** Real paths that are not opened and not entered. */
  readonly skip: readonly string[];
}

export interface Hit {
  readonly path: string;
  /** From 1; 0 for a hit on the name. */
  readonly line: number;
  readonly text: string;
  /** A neighbour of a match, not a match. */
  readonly around: boolean;
}

export interface SearchResult {
  readonly hits: readonly Hit[];
  /** Matching files with their modification time (target `files`). */
  readonly files: readonly { readonly path: string; readonly mtimeMs: number }[];
  /** A limit was reached: there may be more. */
  readonly cut: boolean;
  readonly error?: string;
}

export function searchThread(): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
  const fs = process.getBuiltinModule('node:fs');
  const nodePath = process.getBuiltinModule('node:path');
  const job = workerData as SearchJob;
  const skip = new Set(job.skip);
  const noise = new Set(['node_modules', '__pycache__', 'bower_components']);
  const secretName = /^(?:\.env(?:\.(?:local|development|production|test|staging))?|\.envrc)$/;
  const hits: Hit[] = [];
  const files: { path: string; mtimeMs: number }[] = [];
  let entries = 0;
  let matches = 0;
  let cut = false;

  const nameMatches = (path: string, glob: string): boolean => {
    const relative = nodePath.relative(job.root, path) || nodePath.basename(path);
    if (!/[*?[{]/.test(glob)) return nodePath.basename(path).toLowerCase().includes(glob.toLowerCase());
    return glob.includes('/')
      ? nodePath.matchesGlob(relative, glob) || nodePath.matchesGlob(relative, `**/${glob}`)
      : nodePath.matchesGlob(nodePath.basename(path), glob);
  };

  const readText = (path: string): string | undefined => {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
    let fd: number;
    try {
      fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch {
      return undefined;
    }
    try {
      const info = fs.fstatSync(fd);
      if (!info.isFile()) return undefined;
      if (info.size > job.maxFileBytes) {
        cut = true;
        return undefined;
      }
      const bytes = fs.readFileSync(fd);
      return bytes.subarray(0, 8_192).includes(0) ? undefined : bytes.toString('utf8');
    } finally {
      fs.closeSync(fd);
    }
  };

  const grep = (path: string, pattern: RegExp): void => {
    const text = readText(path);
    if (text === undefined) return;
    const lines = text.split('\n');
    let shown = -1;
    for (let at = 0; at < lines.length; at += 1) {
      if (!pattern.test(lines[at]!)) continue;
      if (matches >= job.maxMatches) {
        cut = true;
        return;
      }
      matches += 1;
      const from = Math.max(shown + 1, at - job.context);
      const to = Math.min(lines.length - 1, at + job.context);
      for (let near = from; near <= to; near += 1) {
        const around = near !== at && !pattern.test(lines[near]!);
        // A later match is shown when its turn comes, so that it is counted.
        if (near > at && !around) break;
        const line = lines[near]!.replace(/\r$/, '');
        const short =
          line.length > job.maxLineLength ? `${line.slice(0, job.maxLineLength)}... [truncated]` : line;
        hits.push({ path, line: near + 1, text: short, around });
        shown = near;
      }
    }
  };

  const visit = (path: string, pattern: RegExp | undefined): void => {
    if (skip.has(path) || secretName.test(nodePath.basename(path))) return;
    if (pattern === undefined) {
      if (!nameMatches(path, job.pattern)) return;
      if (job.glob !== undefined && !nameMatches(path, job.glob)) return;
      const info = fs.lstatSync(path, { throwIfNoEntry: false });
      if (info !== undefined) files.push({ path, mtimeMs: info.mtimeMs });
    } else if (job.glob === undefined || nameMatches(path, job.glob)) grep(path, pattern);
  };

  try {
    const flag = /^\(\?i\)/.test(job.pattern) ? 'i' : '';
    const pattern =
      job.target === 'files' ? undefined : new RegExp(job.pattern.replace(/^\(\?i\)/, ''), flag);
    const waiting: string[] = [];
    if (fs.statSync(job.root).isDirectory()) waiting.push(job.root);
    else visit(job.root, pattern);
    while (waiting.length > 0) {
      const folder = waiting.pop()!;
      let list: import('node:fs').Dirent[];
      try {
        list = fs.readdirSync(folder, { withFileTypes: true });
      } catch {
        continue;
      }
      list.sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const entry of list) {
        entries += 1;
        if (entries > job.maxEntries || (job.target === 'content' && cut && matches >= job.maxMatches)) {
          cut = true;
          waiting.length = 0;
          break;
        }
        const path = nodePath.join(folder, entry.name);
        // Links are not followed: they may lead out of the tree or in circles.
        if (entry.isFile()) visit(path, pattern);
        else if (
          entry.isDirectory() &&
          !entry.name.startsWith('.') &&
          !noise.has(entry.name) &&
          !skip.has(path)
        ) {
          waiting.push(path);
        }
      }
    }
    parentPort?.postMessage({ hits, files, cut } satisfies SearchResult);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ hits: [], files: [], cut: false, error: why } satisfies SearchResult);
  }
}
