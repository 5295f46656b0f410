/** A toolbox on a temporary directory, for the tests of this folder. */

import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../../config/settings.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import type { ApprovalRequest, ToolContext } from '../contract.ts';
import { openTools, type Toolbox } from './index.ts';

export interface Bench extends AsyncDisposable {
  /** Working directory of the tools; real path. */
  readonly dir: string;
  /** HERMES_HOME, beside it. */
  readonly home: string;
  readonly box: Toolbox;
  readonly asked: ApprovalRequest[];
  /** Calls a tool and parses its answer; a hint after the JSON is left out. */
  call(name: string, args: object, context?: Partial<ToolContext>): Promise<Record<string, unknown>>;
  raw(name: string, args: object, context?: Partial<ToolContext>): Promise<string>;
}

type Part<K extends keyof Settings> = Partial<Settings[K]>;

export interface Changes {
  readonly terminal?: Part<'terminal'>;
  readonly approvals?: Part<'approvals'>;
  readonly security?: Part<'security'>;
  readonly toolOutput?: Part<'toolOutput'>;
  /** Instead of the bench's own HERMES_HOME. */
  readonly home?: string;
  readonly writeSafeRoot?: string;
  readonly secrets?: readonly string[];
  readonly answer?: 'allowed' | 'denied';
  readonly childEnv?: Readonly<Record<string, string>>;
}

export async function openBench(changes: Changes = {}): Promise<Bench> {
  const base = await realpath(await mkdtemp(join(tmpdir(), 'tools-test-')));
  const [dir, home] = [join(base, 'work'), join(base, 'home', '.hermes')];
  await mkdir(dir);
  await mkdir(home, { recursive: true });
  const settings = {
    home: changes.home ?? home,
    terminal: {
      backend: 'local',
      cwd: dir,
      timeoutMs: 180_000,
      maxForegroundMs: 600_000,
      envPassthrough: [],
      sudoPassword: undefined,
      ...changes.terminal,
    },
    toolOutput: {
      maxBytes: 50_000,
      maxLines: 2_000,
      maxLineLength: 2_000,
      fileReadMaxChars: 100_000,
      ...changes.toolOutput,
    },
    writeSafeRoot: changes.writeSafeRoot,
    approvals: { mode: 'manual', commandAllowlist: [], timeoutMs: 300_000, ...changes.approvals },
    security: { redactSecrets: true, allowPrivateUrls: false, yolo: false, ...changes.security },
    agent: { disabledToolsets: [] },
    platformToolsets: {},
    secrets: changes.secrets ?? [],
    childEnv: { PATH: '/usr/bin:/bin', HOME: join(base, 'home'), ...changes.childEnv },
  } as unknown as Settings;
  const box = openTools({ settings, clock: systemClock, log: silentLog });
  const asked: ApprovalRequest[] = [];
  const raw = async (name: string, args: object, context: Partial<ToolContext> = {}) =>
    await box.tools.get(name)!.run(args, {
      task: 'default',
      session: 'session',
      call: 'call',
      platform: 'cli',
      signal: new AbortController().signal,
      clock: systemClock,
      log: silentLog,
      history: [],
      approve: (request) => {
        asked.push(request);
        return Promise.resolve(changes.answer ?? 'denied');
      },
      ...context,
    });
  return {
    dir,
    home,
    box,
    asked,
    raw,
    call: async (name, args, context) => JSON.parse((await raw(name, args, context)).split('\n\n[Hint:')[0]!),
    async [Symbol.asyncDispose]() {
      await box.close();
      await rm(base, { recursive: true, force: true });
    },
  };
}
