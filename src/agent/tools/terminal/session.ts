/**
 * The shell state of one task: exports, functions, aliases and the working directory survive from command to
 * command although each is its own `bash -c`. They are kept in a private directory: a snapshot that is read
 * before and written after each command, and a file that tells where the command ended. (A file, not a marker
 * in the output: a program could print a marker.)
 */

import { access, chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { runMark } from './kill.ts';

export interface ShellState {
  readonly folder: string;
  readonly shell: string;
  readonly env: Readonly<Record<string, string>>;
}

const snapshotMs = 30_000;
const standardPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** The environment of every child: no secrets of the gateway, its own home if there is one, a complete PATH. */
export async function childEnvironment(settings: {
  readonly home: string;
  readonly childEnv: Readonly<Record<string, string>>;
}): Promise<Readonly<Record<string, string>>> {
  const path = (settings.childEnv['PATH'] ?? '').split(delimiter).filter((part) => part !== '');
  const ownHome = join(settings.home, 'home');
  const hasOwnHome = await access(ownHome).then(
    () => true,
    () => false,
  );
  return {
    ...settings.childEnv,
    PATH: [...path, ...standardPath.filter((part) => !path.includes(part))].join(delimiter),
    ...(hasOwnHome ? { HOME: ownHome } : {}),
    _HERMES_GATEWAY: '1',
  };
}

/** Makes the private directory and takes the first snapshot from a login shell. */
export async function openShell(env: Readonly<Record<string, string>>, cwd: string): Promise<ShellState> {
  const folder = await mkdtemp(join(tmpdir(), 'hermes-shell-'));
  await chmod(folder, 0o700);
  const shell = await findShell(env['PATH'] ?? '');
  const { execFile } = await import('node:child_process');
  await new Promise<void>((done) => {
    const child = execFile(
      shell,
      ['-l', '-c', `umask 077\n${dump(shell)}\n`],
      {
        env: { ...env, HERMES_SNAPSHOT: folder },
        cwd,
        timeout: snapshotMs,
        killSignal: 'SIGKILL',
        maxBuffer: 65_536,
      },
      // Without a snapshot commands still run, only with a plain environment.
      () => done(),
    );
    child.stdin?.end();
  });
  return { folder, shell, env };
}

export async function closeShell(state: ShellState): Promise<void> {
  await rm(state.folder, { recursive: true, force: true });
}

/** Where the last command ended, or undefined when it did not say so. */
export async function lastDirectory(state: ShellState, run: string): Promise<string | undefined> {
  const file = join(state.folder, `cwd-${run}`);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  await rm(file, { force: true });
  return text?.startsWith('/') ? text.replace(/\n$/, '') : undefined;
}

/**
 * The script that runs `command` in the state of the task. `keep`: record the state when it ends (also by `exit`
 * or `set -e`). stderr goes where stdout goes, so that their order is kept.
 */
export function script(
  state: ShellState,
  command: string,
  { run, cwd, keep }: { run: string; cwd: string; keep: boolean },
): string {
  const lines = [
    `HERMES_SNAPSHOT=${quote(state.folder)}`,
    'exec 2>&1',
    ...(state.shell.endsWith('bash') ? ['shopt -s expand_aliases'] : []),
    '[ -r "$HERMES_SNAPSHOT/state" ] && . "$HERMES_SNAPSHOT/state" >/dev/null 2>&1',
    // The snapshot carries the mark of the run that wrote it.
    `export ${runMark}=${run} _HERMES_GATEWAY=1`,
    `cd -- ${quote(cwd)} || exit 126`,
  ];
  if (keep) {
    lines.push(
      `__hermes_end() { __hermes_code=$?; umask 077; pwd -P > ${quote(join(state.folder, `cwd-${run}`))}; HERMES_SNAPSHOT=${quote(state.folder)}`,
      dump(state.shell),
      'exit $__hermes_code; }',
      'trap __hermes_end EXIT',
    );
  }
  lines.push('unset HERMES_SNAPSHOT', `eval ${quote(command)}`);
  return lines.join('\n');
}

/** Writes exports, functions and aliases to `state`, all or nothing. */
function dump(shell: string): string {
  const what = shell.endsWith('bash') ? 'export -p; declare -f; alias -p' : 'export -p; alias';
  return `{ ${what}; } > "$HERMES_SNAPSHOT/state.$$" 2>/dev/null && mv -f "$HERMES_SNAPSHOT/state.$$" "$HERMES_SNAPSHOT/state" 2>/dev/null`;
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function findShell(path: string): Promise<string> {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, 'bash');
    if (
      await access(file).then(
        () => true,
        () => false,
      )
    ) {
      return file;
    }
  }
  return '/bin/sh';
}
