import { rm } from 'node:fs/promises';
import { z } from 'zod';
import type { Tool, ToolContext } from '../contract.ts';
import type { ToolDeps } from './deps.ts';
import { alone, type Loaded, load, save, staleWarning, type Target, writableTarget } from './files/edit.ts';
import { lint } from './files/lint.ts';
import { FileRefusal } from './files/open.ts';
import { placesOf } from './files/places.ts';
import { replaceIn } from './patch/replace.ts';
import { applyHunks, type FileChange, parseV4A } from './patch/v4a.ts';
import { remember, type TaskState } from './task-state.ts';

const schema = z.object({
  mode: z.enum(['replace', 'patch']).default('replace').describe('replace: one text; patch: a V4A patch.'),
  path: z.string().optional().describe('replace: the file.'),
  old_string: z.string().optional().describe('replace: the text to find, unique in the file.'),
  new_string: z.string().optional().describe('replace: the text to put there.'),
  replace_all: z.boolean().default(false).describe('replace: every match.'),
  patch: z
    .string()
    .optional()
    .describe(
      "patch: '*** Begin Patch', then '*** Update File: p' with '@@ hint @@' and lines starting with ' ', '-', '+', or '*** Add File: p', '*** Delete File: p', then '*** End Patch'.",
    ),
  cross_profile: z.boolean().default(false).describe('Allow changing another profile; only on request.'),
});

type Args = z.infer<typeof schema>;

const maxPatch = 5_000_000;

/** One file of a call, worked out completely before anything is written. */
interface Planned {
  readonly kind: FileChange['kind'];
  readonly target: Target;
  readonly before: Loaded | undefined;
  readonly text: string;
}

/**
 * `patch` (agent-runtime §16.5). A V4A patch is worked out for all files first; when one part does not fit,
 * no file is touched. Line ends and byte order mark are kept.
 */
export function patchTool(deps: ToolDeps): Tool<Args> {
  const places = placesOf(deps.settings);

  const targets = (paths: readonly string[], args: Args, task: TaskState) =>
    Promise.all(paths.map((path) => writableTarget(path, task, places, args.cross_profile)));

  async function planReplace(args: Args, target: Target): Promise<Planned> {
    const before = await load(target, places);
    if (before === undefined) throw new FileRefusal('missing', `File not found: ${target.asked}`);
    const fold = (text: string) => (before.shape.crlf ? text.replaceAll('\r\n', '\n') : text);
    const replaced = replaceIn(
      before.text,
      fold(args.old_string ?? ''),
      fold(args.new_string ?? ''),
      args.replace_all,
    );
    if ('error' in replaced) throw new FileRefusal('refused', replaced.error);
    return { kind: 'update', target, before, text: replaced.text };
  }

  async function planChange(change: FileChange, target: Target): Promise<Planned> {
    const before = await load(target, places);
    if (change.kind === 'add') {
      if (before !== undefined)
        throw new FileRefusal('refused', `${change.path} exists already; use Update File.`);
      return { kind: 'add', target, before, text: change.text };
    }
    if (before === undefined) throw new FileRefusal('missing', `File not found: ${change.path}`);
    if (change.kind === 'delete') return { kind: 'delete', target, before, text: '' };
    const applied = applyHunks(before.text, change.hunks);
    if ('error' in applied) throw new FileRefusal('refused', `${change.path}: ${applied.error}`);
    if (applied.text === before.text)
      throw new FileRefusal('refused', `${change.path}: the patch changes nothing.`);
    return { kind: 'update', target, before, text: applied.text };
  }

  async function carryOut(planned: readonly Planned[], task: TaskState): Promise<string> {
    const warnings: string[] = [];
    const lints: Record<string, object> = {};
    const done: Planned[] = [];
    try {
      for (const each of planned) {
        const { target, before, text } = each;
        const warning = before === undefined ? undefined : staleWarning(target, before.stamp, task, deps);
        if (warning !== undefined) warnings.push(warning);
        if (each.kind === 'delete') await rm(target.path);
        else {
          await save(target, text, before?.shape ?? { bom: false, crlf: false }, task, deps, places);
          // What is on disk now has to be what was meant.
          if ((await load(target, places))?.text !== text) {
            throw new FileRefusal('changed', `${target.asked} does not have the text that was written.`);
          }
          const checked = await lint(target.path, text, before?.text);
          if (checked !== undefined) lints[target.path] = checked;
        }
        done.push(each);
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const changed = done.map((each) => each.target.path).join(', ');
      throw done.length === 0 ? error : new FileRefusal('changed', `${why} Already changed: ${changed}.`);
    }
    const paths = (kind: Planned['kind']) =>
      done.filter((each) => each.kind === kind).map((each) => each.target.path);
    const [first] = done;
    const [lintOfFirst] = Object.values(lints);
    const diff = (await Promise.all(done.map(unifiedDiff))).join('');
    return JSON.stringify({
      success: true,
      diff: deps.redact(diff, 'source'),
      files_modified: paths('update'),
      ...(paths('add').length > 0 ? { files_created: paths('add') } : {}),
      ...(paths('delete').length > 0 ? { files_deleted: paths('delete') } : {}),
      ...(lintOfFirst === undefined ? {} : { lint: done.length === 1 ? lintOfFirst : lints }),
      ...(done.length === 1 && first !== undefined ? { resolved_path: first.target.path } : {}),
      ...(warnings.length > 0 ? { _warning: warnings.join(' ') } : {}),
    });
  }

  async function replace(args: Args, task: TaskState): Promise<string> {
    if (args.path === undefined || args.old_string === undefined || args.new_string === undefined) {
      throw new FileRefusal('refused', 'mode replace needs path, old_string and new_string.');
    }
    const [target] = await targets([args.path], args, task);
    return await alone([target!.path], async () => await carryOut([await planReplace(args, target!)], task));
  }

  async function patch(args: Args, task: TaskState): Promise<string> {
    if (args.patch === undefined) throw new FileRefusal('refused', 'mode patch needs the patch text.');
    if (args.patch.length > maxPatch)
      throw new FileRefusal('too-large', `A patch may have at most ${maxPatch} characters.`);
    const parsed = parseV4A(args.patch);
    if ('error' in parsed) throw new FileRefusal('refused', parsed.error);
    const all = await targets(
      parsed.changes.map((change) => change.path),
      args,
      task,
    );
    const paths = all.map((target) => target.path);
    if (new Set(paths).size < paths.length)
      throw new FileRefusal('refused', 'Two sections of the patch name the same file.');
    return await alone(paths, async () => {
      const planned: Planned[] = [];
      for (const [index, change] of parsed.changes.entries())
        planned.push(await planChange(change, all[index]!));
      return await carryOut(planned, task);
    });
  }

  return {
    name: 'patch',
    toolset: 'file',
    emoji: '🔧',
    description:
      'Change part of a file. mode=replace finds old_string (small differences in white space are tolerated) and puts new_string there; mode=patch applies a V4A patch to several files, all or none.',
    schema,
    risk: 'write',
    idempotent: false,
    // A patch names its files inside; the root stands for all of them.
    parallel: { path: ({ mode, path }) => (mode === 'replace' && path !== undefined ? path : '/') },
    preview: ({ mode, path }) => (mode === 'patch' ? 'V4A patch' : (path ?? '')),
    async run(args, context: ToolContext) {
      const task = deps.tasks.of(context.task);
      const key = args.path ?? 'patch';
      try {
        const done = await (args.mode === 'patch' ? patch(args, task) : replace(args, task));
        task.patchFailures.delete(key);
        return done;
      } catch (error) {
        if (!(error instanceof FileRefusal)) throw error;
        const failures = (task.patchFailures.get(key) ?? 0) + 1;
        remember(task.patchFailures, key, failures);
        const hint =
          failures >= 3
            ? {
                _hint:
                  'This failed three times. Read the file again with read_file, or replace it as a whole with write_file.',
              }
            : {};
        return JSON.stringify({ success: false, error: deps.redact(error.message, 'source'), ...hint });
      }
    },
  };
}

/** As `a/…` in a diff. */
function shownPath(target: Target): string {
  return target.asked.replace(/^\/+/, '');
}

/** Differences that take too long to work out are said, not shown. */
async function unifiedDiff({ target, before, text }: Planned): Promise<string> {
  const { createTwoFilesPatch, FILE_HEADERS_ONLY } = await import('diff');
  const patch = createTwoFilesPatch(
    `a/${shownPath(target)}`,
    `b/${shownPath(target)}`,
    before?.text ?? '',
    text,
    undefined,
    undefined,
    {
      context: 3,
      maxEditLength: 5_000,
      timeout: 1_000,
      headerOptions: FILE_HEADERS_ONLY,
    },
  );
  const shown =
    patch ?? `--- a/${target.asked}\n+++ b/${target.asked}\n(the change is too large to be shown)\n`;
  return shown.length > 50_000 ? `${shown.slice(0, 50_000)}\n... [diff cut]\n` : shown;
}
