import { stat } from 'node:fs/promises';
import { z } from 'zod';
import type { Tool } from '../contract.ts';
import type { ToolDeps } from './deps.ts';
import { absolute, FileRefusal, realPlaces, realTarget } from './files/open.ts';
import { placesOf, readRefusal, secretPaths } from './files/places.ts';
import { homeOf, similarFiles } from './read-file.ts';
import { runSearch } from './search/run.ts';
import type { SearchResult } from './search/worker.ts';
import { repeat } from './task-state.ts';

const schema = z.object({
  pattern: z
    .string()
    .min(1)
    .max(10_000)
    .describe('content: regular expression; files: glob or part of a name.'),
  target: z.enum(['content', 'files']).default('content').describe('Search in texts or for file names.'),
  path: z.string().default('.').describe('Directory or file to search.'),
  file_glob: z.string().max(1_000).optional().describe('Only files whose name matches, e.g. *.ts.'),
  limit: z.int().min(1).max(2_000).default(50).describe('Number of results.'),
  offset: z.int().min(0).max(100_000).default(0).describe('Results to skip.'),
  output_mode: z.enum(['content', 'files_only', 'count']).default('content'),
  context: z.int().min(0).max(20).default(0).describe('Lines around each match.'),
});

type Args = z.infer<typeof schema>;

const maxMatches = 20_000;

/** `search_files` (agent-runtime §16.6). Links are not followed; hidden and dependency folders are left out. */
export function searchFilesTool(deps: ToolDeps): Tool<Args> {
  const configured = placesOf(deps.settings);
  return {
    name: 'search_files',
    toolset: 'file',
    emoji: '🔎',
    description:
      'Search file contents with a regular expression (target=content) or find files by name (target=files, newest first).',
    schema,
    risk: 'read',
    idempotent: true,
    parallel: 'read',
    preview: ({ pattern, path }) => `${pattern} in ${path}`,
    async run(args, context) {
      const task = deps.tasks.of(context.task);
      const places = await realPlaces(configured);
      const asked = absolute(args.path, task.cwd, homeOf(places));
      try {
        const root = await realTarget(asked);
        const refused = readRefusal(root, places);
        if (refused !== undefined)
          throw new FileRefusal('refused', `Access denied: ${args.path}: ${refused}.`);
        if ((await stat(root).catch(() => undefined)) === undefined) {
          throw new FileRefusal('missing', `Path not found: ${args.path}`);
        }
        const count = repeat(task, `search ${JSON.stringify({ ...args, root })}`);
        if (count >= 4) {
          throw new FileRefusal(
            'refused',
            `BLOCKED: this exact search ran ${count - 1} times in a row. Its result does not change; work with it.`,
          );
        }
        const found = await runSearch(
          {
            root,
            target: args.target,
            pattern: args.pattern,
            glob: args.file_glob,
            context: args.output_mode === 'content' ? args.context : 0,
            maxMatches:
              args.output_mode === 'content' ? Math.min(maxMatches, args.offset + args.limit) : maxMatches,
            maxEntries: 500_000,
            maxFileBytes: 10_000_000,
            maxLineLength: 500,
            skip: await Promise.all(secretPaths(places).map((path) => realTarget(path).catch(() => path))),
          },
          deps.clock,
          context.signal,
        );
        if (found.error !== undefined) return JSON.stringify({ total_count: 0, error: found.error });
        const { answer, more } = page(
          found,
          args,
          (path) => readRefusal(path, places) === undefined,
          (text) => deps.redact(text),
        );
        const warning =
          count === 3
            ? {
                _warning:
                  'This search ran three times in a row with the same result. Go on with what you know.',
              }
            : {};
        const json = JSON.stringify({ ...answer, ...(more ? { truncated: true } : {}), ...warning });
        return more
          ? `${json}\n\n[Hint: Results truncated. Use offset=${args.offset + args.limit} to see more, or narrow the search with a more specific pattern or file_glob.]`
          : json;
      } catch (error) {
        if (!(error instanceof FileRefusal)) throw error;
        const similar = error.code === 'missing' ? await similarFiles(asked, places) : [];
        return JSON.stringify({
          total_count: 0,
          error: error.message,
          ...(similar.length > 0 ? { similar_files: similar } : {}),
        });
      }
    },
  };
}

/** The part of the result that was asked for, in the asked form. */
function page(
  found: SearchResult,
  { target, output_mode, offset, limit }: Args,
  readable: (path: string) => boolean,
  redact: (text: string) => string,
): { readonly answer: object; readonly more: boolean } {
  if (target === 'files') {
    const files = found.files.filter(({ path }) => readable(path)).sort((a, b) => b.mtimeMs - a.mtimeMs);
    return {
      answer: {
        total_count: files.length,
        files: files.slice(offset, offset + limit).map(({ path }) => path),
      },
      more: found.cut || files.length > offset + limit,
    };
  }
  const hits = found.hits.filter(({ path }) => readable(path));
  const counts = new Map<string, number>();
  for (const hit of hits) if (!hit.around) counts.set(hit.path, (counts.get(hit.path) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, each) => sum + each, 0);
  if (output_mode !== 'content') {
    const chosen = [...counts].slice(offset, offset + limit);
    const more = found.cut || counts.size > offset + limit;
    return output_mode === 'count'
      ? { answer: { total_count: total, counts: Object.fromEntries(chosen) }, more }
      : { answer: { total_count: counts.size, files: chosen.map(([path]) => path) }, more };
  }
  let seen = 0;
  const matches: object[] = [];
  for (const hit of hits) {
    if (!hit.around) seen += 1;
    // Lines after the last match of a page still belong to it, lines before its first one come with it.
    const from = hit.around ? offset : offset + 1;
    if (seen >= from && seen <= offset + limit) {
      matches.push({ path: hit.path, line: hit.line, content: redact(hit.text) });
    }
  }
  return { answer: { total_count: total, matches }, more: found.cut || total > offset + limit };
}
