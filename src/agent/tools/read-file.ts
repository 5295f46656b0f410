import { readdir } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import type { Tool } from '../contract.ts';
import type { ToolDeps } from './deps.ts';
import { absolute, FileRefusal, openRegular, readAll, realPlaces, realTarget } from './files/open.ts';
import { type Places, placesOf, readRefusal } from './files/places.ts';
import { decode, isSource, kindByName, looksBinary } from './files/text.ts';
import { remember } from './task-state.ts';

const schema = z.object({
  path: z
    .string()
    .min(1)
    .describe('File to read; relative to the working directory, ~ is the home directory.'),
  offset: z.int().min(1).default(1).describe('First line, from 1.'),
  limit: z.int().min(1).default(500).describe('Number of lines.'),
});

type Args = z.infer<typeof schema>;

/** Larger files are refused as a whole; lines of them can be had with the terminal. */
const maxBytes = 50_000_000;

export const unchangedText =
  'The file did not change since you read it; its text is earlier in this conversation. Use that instead of reading it again.';

/** `read_file` (agent-runtime §16.3). Lines are `NUMBER|text`. Secrets are masked, credential files refused. */
export function readFileTool(deps: ToolDeps): Tool<Args> {
  const configured = placesOf(deps.settings);
  const limits = deps.settings.toolOutput;
  return {
    name: 'read_file',
    toolset: 'file',
    emoji: '📖',
    description:
      'Read a text file with line numbers (NUMBER|text). Use offset and limit for parts of large files. Binary files cannot be read.',
    schema,
    risk: 'read',
    idempotent: true,
    parallel: { path: ({ path }) => path },
    preview: ({ path }) => path,
    async run(args, context) {
      const task = deps.tasks.of(context.task);
      const places = await realPlaces(configured);
      try {
        const asked = absolute(args.path, task.cwd, homeOf(places));
        const path = await realTarget(asked);
        const refused = readRefusal(path, places) ?? readRefusal(asked, places);
        if (refused !== undefined)
          throw new FileRefusal('refused', `Access denied: ${args.path}: ${refused}.`);
        const kind = kindByName(path);
        const handle = await openRegular(path);
        await using _ = { [Symbol.asyncDispose]: () => handle.close() };
        if (kind === 'image')
          throw new FileRefusal('binary', `${args.path} is an image; use vision_analyze to look at it.`);
        if (kind === 'binary') throw new FileRefusal('binary', `${args.path} is a binary file.`);
        const info = await handle.stat();

        const limit = Math.min(args.limit, limits.maxLines);
        const key = JSON.stringify([path, args.offset, limit]);
        const version = `${key}@${info.mtimeMs}:${info.size}`;
        const given = task.reads.get(version) ?? 0;
        if (given > 0) remember(task.reads, version, given + 1);
        if (given >= 2) {
          return JSON.stringify({
            error: `BLOCKED: you have already read these lines of ${args.path} ${given} times and they did not change. Work with what you have.`,
            path,
            already_read: given,
          });
        }
        if (given === 1) {
          return JSON.stringify({
            status: 'unchanged',
            message: unchangedText,
            path,
            dedup: true,
            content_returned: false,
          });
        }
        const { bytes, stamp } = await readAll(handle, maxBytes);
        const decoded = looksBinary(bytes) ? undefined : decode(bytes);
        if (decoded === undefined) throw new FileRefusal('binary', `${args.path} is not a UTF-8 text file.`);
        remember(task.seen, path, stamp);

        const lines = decoded.text.split('\n');
        if (lines.at(-1) === '') lines.pop();
        const part = withoutKeys(lines).slice(args.offset - 1, args.offset - 1 + limit);
        const redact = (text: string) => deps.redact(text, isSource(path) ? 'source' : undefined);
        const whole = redact(part.join('\n')).split('\n');
        // A masked value that spanned lines must not shift the numbers of those below it.
        const content = (whole.length === part.length ? whole : part.map(redact))
          .map((line, index) => `${args.offset + index}|${cut(line, limits.maxLineLength)}`)
          .join('\n');
        if (content.length > limits.fileReadMaxChars) {
          throw new FileRefusal(
            'too-large',
            `Read produced ${content.length} characters which exceeds the safety limit of ${limits.fileReadMaxChars}. Use offset and limit to read a smaller part; the file has ${lines.length} lines.`,
          );
        }
        remember(task.reads, version, 1);
        const next = args.offset + part.length;
        const truncated = next <= lines.length;
        return JSON.stringify({
          content: part.length === 0 ? '' : content,
          total_lines: lines.length,
          file_size: stamp.size,
          truncated,
          ...(truncated
            ? {
                hint: `Use offset=${next} to continue (showing ${args.offset}-${next - 1} of ${lines.length} lines)`,
              }
            : {}),
          ...(part.length === 0 && lines.length > 0
            ? { hint: `offset is behind the end: the file has ${lines.length} lines` }
            : {}),
          is_binary: false,
          is_image: false,
        });
      } catch (error) {
        if (!(error instanceof FileRefusal)) throw error;
        const similar =
          error.code === 'missing'
            ? await similarFiles(absolute(args.path, task.cwd, homeOf(places)), places)
            : [];
        return JSON.stringify({
          error: error.message,
          ...(similar.length > 0 ? { similar_files: similar } : {}),
        });
      }
    },
  };
}

export function homeOf(places: Places): string {
  return places.userHomes[0] ?? '/';
}

function cut(line: string, max: number): string {
  return line.length > max ? `${line.slice(0, max)}... [truncated]` : line;
}

/** Private keys masked line by line, also when a part is read that begins inside one. */
function withoutKeys(lines: readonly string[]): readonly string[] {
  let inside = false;
  return lines.map((line) => {
    if (/-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/.test(line)) inside = true;
    const masked = inside;
    if (/-----END [A-Z0-9 ]{0,40}PRIVATE KEY/.test(line)) inside = false;
    return masked ? '[REDACTED PRIVATE KEY]' : line;
  });
}

/** Up to five neighbours whose names are close to the missing one. */
export async function similarFiles(path: string, places: Places): Promise<readonly string[]> {
  const folder = dirname(path);
  const wanted = basename(path).toLowerCase();
  const names = await readdir(folder).catch(() => []);
  return names
    .slice(0, 5_000)
    .map((name) => ({ name, far: farness(name.toLowerCase(), wanted) }))
    .filter(({ name, far }) => far <= 0.5 && readRefusal(`${folder}/${name}`, places) === undefined)
    .sort((a, b) => a.far - b.far)
    .slice(0, 5)
    .map(({ name }) => `${folder === '/' ? '' : folder}/${name}`);
}

function farness(name: string, wanted: string): number {
  if (name.slice(0, 200).includes(wanted) || wanted.includes(name)) return 0.1;
  const stem = (text: string) => text.slice(0, text.length - extname(text).length);
  if (stem(name) === stem(wanted)) return 0.05;
  return distance(name.slice(0, 200), wanted.slice(0, 200)) / Math.max(name.length, wanted.length, 1);
}
