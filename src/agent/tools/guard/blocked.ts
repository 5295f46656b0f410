/** Commands that never run, whatever the mode or the user says (agent-runtime §17.2). */

import type { Call } from './calls.ts';
import { cleanPath, isBlockDevice, isHomeDirectory, isRoot, isSystemDirectory } from './targets.ts';

export interface BlockRule {
  readonly why: string;
  test(call: Call, facts: Facts): boolean;
}

export interface Facts {
  readonly home: string | undefined;
  /** A password for `sudo` is configured, so `sudo -S` is not a guessing attempt. */
  readonly sudoPassword: boolean;
}

/** Short options as single letters (`-rf` → r, f) and long ones by name, up to `--`. */
export function hasFlag(args: readonly string[], letters: string, ...long: string[]): boolean {
  for (const arg of args) {
    if (arg === '--') return false;
    if (arg.startsWith('--')) {
      const name = arg.slice(2).split('=')[0]!.toLowerCase();
      if (name.length > 2 && long.some((each) => each.startsWith(name))) return true;
    } else if (/^-[A-Za-z]/.test(arg) && [...letters].some((letter) => arg.includes(letter))) return true;
  }
  return false;
}

/** Words that are not options. */
export function operands(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  const before = end < 0 ? args : args.slice(0, end);
  return [
    ...before.filter((arg) => !arg.startsWith('-') || arg === '-'),
    ...(end < 0 ? [] : args.slice(end + 1)),
  ];
}

const deletes = (call: Call, facts: Facts, place: (path: string) => boolean) =>
  call.name === 'rm' &&
  hasFlag(call.args, 'rR', 'recursive') &&
  operands(call.args).some((arg) => place(cleanPath(arg, facts.home)));

/** The target list of `kill` contains `-1`: every process one may signal. */
export function killsAll(call: Call): boolean {
  if (call.name !== 'kill') return false;
  const { args } = call;
  if (args.length === 1 && args[0] === '-1') return true;
  // The first `-x` is the signal, unless `-s NAME`, `-n NUM` or `--` said where the targets begin.
  let at = 0;
  if (/^(-s|-n|--signal)$/.test(args[0] ?? '')) at = 2;
  else if (args[0] !== '--' && args[0]?.startsWith('-')) at = 1;
  return args.slice(at).includes('-1');
}

const powers = new Set(['shutdown', 'reboot', 'halt', 'poweroff']);

export const blockRules: readonly BlockRule[] = [
  {
    why: 'recursive delete of root filesystem',
    test: (call, facts) => deletes(call, facts, isRoot),
  },
  {
    why: 'recursive delete of system directory',
    test: (call, facts) => deletes(call, facts, isSystemDirectory),
  },
  {
    why: 'recursive delete of home directory',
    test: (call, facts) => deletes(call, facts, isHomeDirectory),
  },
  { why: 'format filesystem (mkfs)', test: (call) => /^mkfs(?:\.\w{1,20})?$/.test(call.name) },
  {
    why: 'dd to raw block device',
    test: (call) =>
      call.name === 'dd' &&
      call.args.some((arg) => /^of=/i.test(arg) && isBlockDevice(cleanPath(arg.slice(3)))),
  },
  {
    why: 'redirect to raw block device',
    test: (call) =>
      call.redirects.some(({ op, target }) => op.includes('>') && isBlockDevice(cleanPath(target))),
  },
  { why: 'kill all processes', test: (call) => killsAll(call) },
  {
    why: 'system shutdown/reboot',
    test: (call) =>
      powers.has(call.name) && !call.args.some((arg) => arg === '--help' || arg === '--version'),
  },
  {
    why: 'init 0/6 (shutdown/reboot)',
    test: (call) =>
      (call.name === 'init' || call.name === 'telinit') && /^[06]$/.test(operands(call.args)[0] ?? ''),
  },
  {
    why: 'systemctl poweroff/reboot',
    test: (call) =>
      call.name === 'systemctl' && /^(?:poweroff|reboot|halt|kexec)$/i.test(operands(call.args)[0] ?? ''),
  },
];

/** `:(){ :|:& };:` with any function name. Linear: names are bounded and nothing repeats freely. */
export function isForkBomb(command: string): boolean {
  const tight = command.replace(/\s+/g, '');
  return (
    /(?<![^;&|\n{(])([a-z_:][\w:]{0,40})\(\)\{\1\|\1&\};\1/i.test(tight) || /:\(\)\{:\|:&\};:/.test(tight)
  );
}

export const forkBomb = 'fork bomb';
export const sudoGuess = 'sudo -S without a configured SUDO_PASSWORD';

/** Feeding `sudo` a password that nobody configured is guessing. */
export function guessesSudoPassword(call: Call, facts: Facts): boolean {
  return call.name === 'sudo' && !facts.sudoPassword && hasFlag(ownOptions(call.args), 'S', 'stdin');
}

/** Options of a wrapper itself, before the command it starts. */
export function ownOptions(args: readonly string[]): readonly string[] {
  const end = args.findIndex(
    (arg, index) => !arg.startsWith('-') && !/^-[ugpChrtTUDR]$/.test(args[index - 1] ?? ''),
  );
  return end < 0 ? args : args.slice(0, end);
}
