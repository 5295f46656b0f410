/** The tools of the agent: one file each, opened together, closed together. */

import { z } from 'zod';
import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { redact } from '../../text/redact.ts';
import type { Tool, ToolSchema } from '../contract.ts';
import type { ToolDeps } from './deps.ts';
import { patchTool } from './patch.ts';
import { processTool } from './process.ts';
import { openProcesses } from './processes.ts';
import { readFileTool } from './read-file.ts';
import { searchFilesTool } from './search-files.ts';
import { openTaskStates } from './task-state.ts';
import { closeShell } from './terminal/session.ts';
import { terminalTool } from './terminal.ts';
import { todoTool } from './todo.ts';
import { compositeToolsets, configurableToolsets, resolveTools } from './toolsets.ts';
import { writeFileTool } from './write-file.ts';

export { resolveTools } from './toolsets.ts';

export interface Toolbox {
  /** In a fixed order. */
  readonly tools: ReadonlyMap<string, Tool>;
  /** What the model is told about a tool; made once. Throws for a name that is not in `tools`. */
  schema(name: string): ToolSchema;
  /** Every documented set, reduced to the tools that exist. */
  readonly toolsets: Readonly<Record<string, readonly string[]>>;
  /** The conversation of `task` was shortened: files read before may be read again. */
  forgetReads(task: string): void;
  /** Kills background processes and removes temporary state. */
  close(): Promise<void>;
}

/** Does no I/O. Tools of the terminal and of files exist only for the local back-end: others must not run here. */
export function openTools({ settings, clock, log }: { settings: Settings; clock: Clock; log: Log }): Toolbox {
  const shells = new Set<Promise<unknown>>();
  const tasks = openTaskStates(settings.terminal.cwd, (state) => {
    const closing = state.shell?.then(closeShell).catch(() => {});
    if (closing === undefined) return;
    shells.add(closing);
    void closing.finally(() => shells.delete(closing));
  });
  const deps: ToolDeps = {
    settings,
    clock,
    log,
    tasks,
    redact: (text, kind) =>
      settings.security.redactSecrets ? redact(text, settings.secrets, { source: kind === 'source' }) : text,
  };
  const processes = openProcesses(clock, log);
  for (const names of [...Object.values(settings.platformToolsets), settings.agent.disabledToolsets]) {
    const { unknown } = resolveTools(names, [], []);
    if (unknown.length > 0) log('warn', 'tools.unknown-toolset', { names: unknown });
  }
  const local = settings.terminal.backend === 'local' || settings.terminal.backend === '';
  if (!local) log('warn', 'tools.backend-unavailable', { backend: settings.terminal.backend });

  const all: readonly Tool[] = [
    ...(local
      ? [
          open(terminalTool(deps, processes)),
          open(processTool(deps, processes)),
          open(readFileTool(deps)),
          open(writeFileTool(deps)),
          open(patchTool(deps)),
          open(searchFilesTool(deps)),
        ]
      : []),
    open(todoTool()),
  ];
  const reading = new Set(['read_file', 'search_files']);
  const tools = new Map(
    all.map((tool) => [
      tool.name,
      reading.has(tool.name)
        ? tool
        : {
            ...tool,
            run(args: unknown, context: Parameters<Tool['run']>[1]) {
              tasks.otherTool(context.task);
              return tool.run(args, context);
            },
          },
    ]),
  );
  const schemas = new Map<string, ToolSchema>();

  return {
    tools,
    schema(name) {
      const known = schemas.get(name);
      if (known !== undefined) return known;
      const tool = tools.get(name);
      if (tool === undefined) throw new Error(`no tool named ${name}`);
      const { $schema: _, ...parameters } = z.toJSONSchema(tool.schema, { io: 'input' });
      const schema: ToolSchema = { name, description: tool.description, parameters };
      schemas.set(name, schema);
      return schema;
    },
    toolsets: Object.fromEntries(
      Object.entries({ ...configurableToolsets, ...compositeToolsets }).map(([name, names]) => [
        name,
        names.filter((tool) => tools.has(tool)),
      ]),
    ),
    forgetReads: tasks.forgetReads,
    async close() {
      await processes.close();
      await Promise.all([...tasks.all()].map((state) => state.shell?.then(closeShell).catch(() => {})));
      await Promise.all(shells);
    },
  };
}

/** Forgets the type of the arguments, which are checked against the tool's own schema again. */
function open<A>(tool: Tool<A>): Tool {
  return {
    ...tool,
    schema: tool.schema,
    preview: (args) => tool.preview(tool.schema.parse(args)),
    ...(typeof tool.parallel === 'object'
      ? { parallel: { path: (args: unknown) => pathOf(tool, args) } }
      : {}),
    async run(args, context) {
      const checked = tool.schema.safeParse(args);
      if (!checked.success)
        return JSON.stringify({ error: `Invalid arguments: ${z.prettifyError(checked.error)}` });
      return await tool.run(checked.data, context);
    },
  } as Tool;
}

function pathOf<A>(tool: Tool<A>, args: unknown): string {
  const checked = tool.schema.safeParse(args);
  return checked.success && typeof tool.parallel === 'object' ? tool.parallel.path(checked.data) : '/';
}
