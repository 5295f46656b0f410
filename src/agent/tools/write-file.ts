import { z } from 'zod';
import type { Tool } from '../contract.ts';
import type { ToolDeps } from './deps.ts';
import { alone, load, save, staleWarning, writableTarget } from './files/edit.ts';
import { lint } from './files/lint.ts';
import { FileRefusal } from './files/open.ts';
import { placesOf } from './files/places.ts';
import { unchangedText } from './read-file.ts';

const schema = z.object({
  path: z.string().min(1).describe('File to write; parent directories are created.'),
  content: z.string().describe('The whole new text.'),
  cross_profile: z.boolean().default(false).describe('Allow writing into another profile; only on request.'),
});

type Args = z.infer<typeof schema>;

/** `write_file` (agent-runtime §16.4): replaces a file atomically; keeps its byte order mark and CRLF line ends. */
export function writeFileTool(deps: ToolDeps): Tool<Args> {
  const places = placesOf(deps.settings);
  return {
    name: 'write_file',
    toolset: 'file',
    emoji: '✍️',
    description: 'Create a file or replace its whole text. Use patch for changes inside a file.',
    schema,
    risk: 'write',
    idempotent: true,
    parallel: { path: ({ path }) => path },
    preview: ({ path }) => path,
    async run(args, context) {
      const task = deps.tasks.of(context.task);
      try {
        if (args.content.includes(unchangedText)) {
          throw new FileRefusal(
            'refused',
            'This content is a status message of read_file, not the text of a file.',
          );
        }
        const target = await writableTarget(args.path, task, places, args.cross_profile);
        return await alone([target.path], async () => {
          const before = await load(target, places);
          const warning = before === undefined ? undefined : staleWarning(target, before.stamp, task, deps);
          const text = before?.shape.crlf ? args.content.replaceAll('\r\n', '\n') : args.content;
          const { bytes, dirsCreated } = await save(
            target,
            text.startsWith('\ufeff') && before?.shape.bom ? text.slice(1) : text,
            before?.shape ?? { bom: false, crlf: false },
            task,
            deps,
            places,
          );
          const checked = await lint(target.path, text, before?.text);
          return JSON.stringify({
            bytes_written: bytes,
            dirs_created: dirsCreated,
            ...(checked === undefined ? {} : { lint: checked }),
            resolved_path: target.path,
            files_modified: [target.path],
            ...(warning === undefined ? {} : { _warning: warning }),
          });
        });
      } catch (error) {
        if (!(error instanceof FileRefusal)) throw error;
        return JSON.stringify({ error: error.message });
      }
    },
  };
}
