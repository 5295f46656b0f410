/**
 * Every program a command line may start, with wrappers (`sudo`, `env`, `xargs` …) taken off and scripts given
 * as text (`bash -c`, `eval`, here-documents, `echo … | sh`) read as well. What a shell would only know at run
 * time (variables, files) is not resolved.
 */

import { type Redirect, type Simple, scan } from './scan.ts';

export interface Call {
  /** Last path component, lower case. */
  readonly name: string;
  readonly args: readonly string[];
  /** Wrappers in front of it, outermost first. */
  readonly via: readonly string[];
  readonly redirects: readonly Redirect[];
  readonly simple: Simple;
  /** An earlier stage of the same pipeline downloads something. */
  readonly afterDownload: boolean;
  /** Words that only `xargs` knows are missing at the end. */
  readonly openEnded: boolean;
}

export interface Calls {
  readonly calls: readonly Call[];
  readonly unclear: boolean;
}

const keywords = new Set(
  'if then else elif fi do done while until ! { } [[ case esac coproc function'.split(' '),
);
export const shells = new Set(['sh', 'bash', 'zsh', 'ksh', 'dash', 'ash', 'fish']);
const downloads = new Set(['curl', 'wget', 'fetch', 'aria2c']);

/** Wrapper → its options that take a separate value. Options outside the list stand alone. */
const wrappers: Readonly<Record<string, readonly string[]>> = {
  sudo: [
    '-u',
    '-g',
    '-h',
    '-p',
    '-C',
    '-r',
    '-t',
    '-T',
    '-U',
    '-D',
    '-R',
    '--user',
    '--group',
    '--prompt',
    '--host',
  ],
  doas: ['-u', '-C', '-a'],
  env: ['-u', '-C', '--unset', '--chdir'],
  exec: ['-a'],
  command: [],
  builtin: [],
  nohup: [],
  setsid: [],
  time: ['-f', '-o'],
  nice: ['-n'],
  ionice: ['-c', '-n', '-p'],
  timeout: ['-s', '-k', '--signal', '--kill-after'],
  stdbuf: ['-i', '-o', '-e'],
  busybox: [],
  toybox: [],
  chroot: [],
  unbuffer: [],
  caffeinate: ['-t', '-w'],
  xargs: ['-I', '-n', '-P', '-d', '-L', '-s', '-a', '-E', '--max-args', '--max-procs', '--delimiter'],
  parallel: ['-j', '--jobs'],
};
/** Wrappers whose first operand is theirs: `timeout 5 rm`, `chroot /mnt rm`. */
const ownOperand = new Set(['timeout', 'chroot']);

const maxCalls = 20_000;
const maxNesting = 6;
/** Characters read in all, nested scripts included; keeps the work linear for any input. */
const maxRead = 4_000_000;

export function callsOf(command: string): Calls {
  const out: Call[] = [];
  const state = { unclear: false, left: maxRead };
  collect(command, out, state, 0);
  return { calls: out, unclear: state.unclear };
}

type State = { unclear: boolean; left: number };

function collect(text: string, out: Call[], state: State, nesting: number): void {
  state.left -= text.length;
  if (state.left < 0) {
    state.unclear = true;
    return;
  }
  const { commands, unclear } = scan(text);
  if (unclear) state.unclear = true;
  walk(commands, out, state, nesting);
}

function walk(commands: readonly Simple[], out: Call[], state: State, nesting: number): void {
  let pipeline: object | undefined;
  let afterDownload = false;
  let printed: string | undefined;
  for (const simple of commands) {
    if (simple.pipeline !== pipeline) {
      pipeline = simple.pipeline;
      afterDownload = false;
      printed = undefined;
    }
    for (const inner of simple.inner) walk(inner.commands, out, state, nesting);
    const words = expandBraces(simple.words.map((word) => word.text));
    const first = out.length;
    if (words.length > 0 || simple.redirects.length > 0) {
      resolve(words, { simple, afterDownload, via: [], openEnded: false, nesting }, out, state);
    }
    const call = out[first];
    if (call === undefined) continue;
    if (printed !== undefined && runsStandardInput(call)) nest(printed, out, state, nesting);
    if (runsStandardInput(call)) for (const body of simple.heredocs) nest(body, out, state, nesting);
    if (downloads.has(call.name)) afterDownload = true;
    printed = call.name === 'echo' || call.name === 'printf' ? call.args.join(' ') : undefined;
  }
}

interface Where {
  readonly simple: Simple;
  readonly afterDownload: boolean;
  readonly via: readonly string[];
  readonly openEnded: boolean;
  readonly nesting: number;
}

function resolve(words: readonly string[], where: Where, out: Call[], state: State): void {
  let at = 0;
  while (at < words.length && (keywords.has(words[at]!) || isAssignment(words[at]!))) at += 1;
  const name = baseName(words[at] ?? '');
  const args = words.slice(at + 1);
  if (out.length >= maxCalls) {
    state.unclear = true;
    return;
  }
  out.push({
    name,
    args,
    via: where.via,
    redirects: where.simple.redirects,
    simple: where.simple,
    afterDownload: where.afterDownload,
    openEnded: where.openEnded,
  });
  for (const script of scriptsOf(name, args)) nest(script, out, state, where.nesting);
  for (const command of startedBy(name, args)) {
    if (where.via.length >= 8) {
      state.unclear = true;
      return;
    }
    resolve(
      command,
      {
        ...where,
        via: [...where.via, name],
        openEnded: where.openEnded || name === 'xargs' || name === 'parallel',
      },
      out,
      state,
    );
  }
}

function nest(script: string, out: Call[], state: State, nesting: number): void {
  if (nesting >= maxNesting) state.unclear = true;
  else collect(script, out, state, nesting + 1);
}

/** Commands given as words of another command. */
function startedBy(name: string, args: readonly string[]): readonly (readonly string[])[] {
  if (name === 'find' || name === 'fd') {
    const found: string[][] = [];
    let from = -1;
    for (const [index, arg] of [...args, ';'].entries()) {
      if (from >= 0 && (arg === ';' || arg === '+')) {
        found.push(args.slice(from, index));
        from = -1;
      } else if (from < 0 && /^(-exec|-execdir|-ok|-okdir|-x|-X|--exec|--exec-batch)$/.test(arg))
        from = index + 1;
    }
    return found;
  }
  if (name === 'env' && args.some((arg) => arg === '-S' || arg === '--split-string')) return [];
  const valued = Object.hasOwn(wrappers, name) ? wrappers[name] : undefined;
  if (valued === undefined) return [];
  let at = 0;
  while (at < args.length) {
    const arg = args[at]!;
    if (valued.includes(arg)) at += 2;
    else if (arg.startsWith('-') || (isAssignment(arg) && name !== 'xargs')) at += 1;
    else break;
  }
  if (ownOperand.has(name)) at += 1;
  return at < args.length ? [args.slice(at)] : [];
}

/** Shell text given as an argument. */
function scriptsOf(name: string, args: readonly string[]): readonly string[] {
  if (name === 'eval') return [args.join(' ')];
  if (shells.has(name) || name === 'su' || name === 'runuser') {
    const at = args.findIndex((arg) => arg === '--command' || /^-[a-z]*c[a-z]*$/i.test(arg));
    // Options may stand between `-c` and the script: the first operand is the script.
    const script = at < 0 ? undefined : args.slice(at + 1).find((arg) => !/^[-+]/.test(arg));
    return script === undefined ? [] : [script];
  }
  if (name === 'env') {
    const at = args.findIndex((arg) => arg === '-S' || arg === '--split-string');
    return at < 0 ? [] : [args.slice(at + 1).join(' ')];
  }
  if (name === 'ssh') {
    const host = args.findIndex(
      (arg, index) => !arg.startsWith('-') && !/^-[bcDEeFIiJLlmOopQRSWw]$/.test(args[index - 1] ?? ''),
    );
    return host < 0 || host + 1 >= args.length ? [] : [args.slice(host + 1).join(' ')];
  }
  if (name === 'trap' || name === 'watch') {
    const script = args.find((arg) => !arg.startsWith('-'));
    return script === undefined
      ? []
      : [name === 'watch' ? args.slice(args.indexOf(script)).join(' ') : script];
  }
  return [];
}

function runsStandardInput(call: Call): boolean {
  return shells.has(call.name) && call.args.every((arg) => arg.startsWith('-') && !/^-[a-z]*c/i.test(arg));
}

export function isAssignment(word: string): boolean {
  return /^[a-z_]\w{0,200}(?:\[[^\]]{0,100}\])?\+?=/i.test(word);
}

export function baseName(word: string): string {
  return word.slice(word.lastIndexOf('/') + 1).toLowerCase();
}

/** `{rm,-rf,/}` as one word is three words. */
function expandBraces(words: readonly string[]): readonly string[] {
  if (!words.some((word) => word.startsWith('{') && word.length > 2)) return words;
  return words.flatMap((word) =>
    word.startsWith('{') && word.endsWith('}') && word.includes(',') ? word.slice(1, -1).split(',') : [word],
  );
}
