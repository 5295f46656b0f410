/**
 * Commands that need consent (agent-runtime §17.3). `key` is what `command_allowlist` stores, so it is part of
 * the interface; `legacy` are the keys older releases stored for the same rule.
 */

import { hasFlag, isForkBomb, killsAll, operands, ownOptions } from './blocked.ts';
import { type Call, shells } from './calls.ts';
import { cleanPath, isHermesConfig, isProjectConfig, isProtectedFile, isSystemConfig } from './targets.ts';

export interface DangerRule {
  readonly key: string;
  readonly legacy?: readonly string[];
  test(call: Call, around: Around): boolean;
}

export interface Around {
  readonly home: string | undefined;
  /** Some program of the line is a database client, so what others print may be SQL. */
  readonly feedsSql: boolean;
  /** All programs of the command line, in order. */
  readonly calls: readonly Call[];
  readonly index: number;
}

const interpreters = /^(?:python[\d.]{0,6}|perl|ruby|node)$/;
const openModes = /(?:^|[^0-7])(?:0?(?:777|666))(?![0-7])|(?:^|,)[ugoa]*[oa][ugoa]*[+=][rx]*w/;

const path = (arg: string, { home }: Around) => cleanPath(arg, home);
const recursive = (call: Call) => hasFlag(call.args, 'R');
const longRecursive = (call: Call) => hasFlag(call.args, '', 'recursive');
const ownedByRoot = (call: Call) => /^root(?:[:.]|$)/i.test(operands(call.args)[0] ?? '');
const opensUp = (call: Call) => call.args.some((arg) => openModes.test(arg));
const writes = (call: Call, test: (target: string) => boolean, around: Around) =>
  call.redirects.some(({ op, target }) => op.includes('>') && test(path(target, around)));
const anyOperand = (call: Call, test: (target: string) => boolean, around: Around) =>
  operands(call.args).some((arg) => test(path(arg, around)));
const copiesInto = (call: Call, test: (target: string) => boolean, around: Around) =>
  /^(?:cp|mv|install|ln|rsync)$/.test(call.name) && test(path(targetOf(call.args), around));
const shortInPlace = (call: Call) => call.args.some((arg) => /^-[a-z]*i/i.test(arg));
const longInPlace = (call: Call) => call.args.some((arg) => arg.startsWith('--in-place'));
const ctl = (call: Call, name: string, verbs: RegExp) =>
  call.name === name && verbs.test((operands(call.args)[0] ?? '').toLowerCase());
const gitVerb = (call: Call) => (call.name === 'git' ? gitArguments(call.args) : undefined);
const kills = (call: Call) => call.name === 'pkill' || call.name === 'killall';
const sigKill = /^(?:-9|-(?:SIG)?KILL)$/i;
const usesPgrep = (call: Call, kind: '$(' | '`') =>
  call.name === 'kill' &&
  call.simple.inner.some(
    (inner) =>
      inner.kind === kind && inner.commands.some((each) => each.words.some((word) => word.text === 'pgrep')),
  );
const startsGateway = (call: Call) =>
  /(?:^|\s)gateway\s+run(?:\s|$)/.test(`${call.name} ${call.args.slice(0, 12).join(' ')}`.slice(0, 2_000));
export const sqlClient = /^(?:psql|mysql|mariadb|sqlite3?|sqlcmd|clickhouse-client|duckdb|cockroach)$/;
const feeds = /^(?:echo|printf|cat)$/;
const sql = (call: Call, { feedsSql }: Around, test: (statement: string) => boolean) =>
  (sqlClient.test(call.name) || (feedsSql && feeds.test(call.name))) &&
  [...call.args, ...call.simple.heredocs].some((text) =>
    text.split(';').some((statement) => test(statement)),
  );

export const dangerRules: readonly DangerRule[] = [
  {
    key: 'delete in root path',
    legacy: ['rm'],
    test: (call) => call.name === 'rm' && operands(call.args).some((arg) => arg.startsWith('/')),
  },
  {
    key: 'recursive delete',
    legacy: ['rm'],
    test: (call) => call.name === 'rm' && hasFlag(call.args, 'rR'),
  },
  {
    key: 'recursive delete (long flag)',
    legacy: ['rm'],
    test: (call) => call.name === 'rm' && longRecursive(call),
  },
  {
    key: 'world/other-writable permissions',
    legacy: ['chmod'],
    test: (call) => call.name === 'chmod' && opensUp(call),
  },
  {
    key: 'recursive world/other-writable (long flag)',
    legacy: ['chmod'],
    test: (call) => call.name === 'chmod' && longRecursive(call) && opensUp(call),
  },
  {
    key: 'recursive chown to root',
    legacy: ['chown'],
    test: (call) => call.name === 'chown' && recursive(call) && ownedByRoot(call),
  },
  {
    key: 'recursive chown to root (long flag)',
    legacy: ['chown'],
    test: (call) => call.name === 'chown' && longRecursive(call) && ownedByRoot(call),
  },
  { key: 'format filesystem', legacy: ['mkfs'], test: (call) => /^mkfs(?:\.|$)/.test(call.name) },
  {
    key: 'disk copy',
    legacy: ['dd'],
    test: (call) => call.name === 'dd' && call.args.some((arg) => /^if=/i.test(arg)),
  },
  {
    key: 'write to block device',
    test: (call, around) => writes(call, (target) => /^\/dev\/sd/.test(target), around),
  },
  {
    key: 'SQL DROP',
    legacy: ['DROP'],
    test: (call, around) => sql(call, around, (text) => /\bdrop\s+(?:table|database|schema)\b/i.test(text)),
  },
  {
    key: 'SQL DELETE without WHERE',
    legacy: ['DELETE'],
    test: (call, around) =>
      sql(call, around, (text) => /\bdelete\s+from\b/i.test(text) && !/\bwhere\b/i.test(text)),
  },
  {
    key: 'SQL TRUNCATE',
    legacy: ['TRUNCATE'],
    test: (call, around) =>
      sql(
        call,
        around,
        (text) => /^[\s"']{0,9}truncate\s+\w/i.test(text) || /\btruncate\s+table\b/i.test(text),
      ),
  },
  { key: 'overwrite system config', test: (call, around) => writes(call, isSystemConfig, around) },
  {
    key: 'copy/move file into system config path',
    legacy: ['copy/move file into /etc/'],
    test: (call, around) => copiesInto(call, isSystemConfig, around),
  },
  {
    key: 'in-place edit of system config',
    legacy: ['sed'],
    test: (call, around) =>
      call.name === 'sed' && shortInPlace(call) && anyOperand(call, isSystemConfig, around),
  },
  {
    key: 'in-place edit of system config (long flag)',
    legacy: ['sed'],
    test: (call, around) =>
      call.name === 'sed' && longInPlace(call) && anyOperand(call, isSystemConfig, around),
  },
  {
    key: 'overwrite system file via tee',
    legacy: ['tee'],
    test: (call, around) => call.name === 'tee' && anyOperand(call, isProtectedFile, around),
  },
  {
    key: 'overwrite system file via redirection',
    test: (call, around) => writes(call, isProtectedFile, around),
  },
  {
    key: 'overwrite project env/config via tee',
    legacy: ['tee'],
    test: (call, around) => call.name === 'tee' && anyOperand(call, isProjectConfig, around),
  },
  {
    key: 'overwrite project env/config via redirection',
    test: (call, around) => writes(call, isProjectConfig, around),
  },
  {
    key: 'overwrite project env/config file',
    test: (call, around) => copiesInto(call, isProjectConfig, around),
  },
  {
    key: 'in-place edit of Hermes config/env',
    legacy: ['sed'],
    test: (call, around) =>
      call.name === 'sed' && shortInPlace(call) && anyOperand(call, isHermesConfig, around),
  },
  {
    key: 'in-place edit of Hermes config/env (long flag)',
    legacy: ['sed'],
    test: (call, around) =>
      call.name === 'sed' && longInPlace(call) && anyOperand(call, isHermesConfig, around),
  },
  {
    key: 'in-place edit of Hermes config/env (perl/ruby)',
    test: (call, around) =>
      /^(?:perl|ruby)$/.test(call.name) && shortInPlace(call) && anyOperand(call, isHermesConfig, around),
  },
  {
    key: 'stop/restart system service',
    legacy: ['systemctl'],
    test: (call) =>
      ctl(call, 'systemctl', /^(?:stop|restart|disable|mask)$/) ||
      (call.name === 'service' && /^(?:stop|restart)$/i.test(call.args[1] ?? '')),
  },
  { key: 'kill all processes', legacy: ['kill'], test: (call) => killsAll(call) },
  {
    key: 'force kill processes',
    legacy: ['pkill'],
    test: (call) => call.name === 'pkill' && forced(call.args),
  },
  {
    key: 'force kill processes (killall -KILL)',
    legacy: ['killall'],
    test: (call) => call.name === 'killall' && call.args.some((arg) => sigKill.test(arg)),
  },
  {
    key: 'force kill processes (killall -s KILL)',
    legacy: ['killall'],
    test: (call) =>
      call.name === 'killall' && !call.args.some((arg) => sigKill.test(arg)) && forced(call.args),
  },
  {
    key: 'kill processes by regex (killall -r)',
    legacy: ['killall'],
    test: (call) => call.name === 'killall' && hasFlag(call.args, 'r', 'regexp'),
  },
  {
    key: 'shell command via -c/-lc flag',
    test: (call) => shells.has(call.name) && call.args.some((arg) => /^-[a-z]*c$/i.test(arg)),
  },
  {
    key: 'script execution via -e/-c flag',
    test: (call) =>
      interpreters.test(call.name) && call.args.some((arg) => /^-[a-z]*[ec]/i.test(arg) || arg === '--eval'),
  },
  {
    key: 'script execution via heredoc',
    test: (call) =>
      (interpreters.test(call.name) || shells.has(call.name)) &&
      call.redirects.some(({ op }) => op.startsWith('<<')),
  },
  {
    key: 'chmod +x followed by immediate execution',
    legacy: ['chmod'],
    test: (call, around) =>
      call.name === 'chmod' &&
      call.args.some((arg) => /^[ugoa]*\+[rwst]*x|^0?[1357][0-7]{2}$/.test(arg)) &&
      around.calls
        .slice(around.index + 1, around.index + 40)
        .some((next) => next.simple.words[0]?.text.startsWith('./')),
  },
  { key: 'pipe remote content to shell', test: (call) => shells.has(call.name) && call.afterDownload },
  {
    key: 'execute remote script via process substitution',
    test: (call) =>
      (shells.has(call.name) || call.name === 'source' || call.name === '.' || call.name === 'eval') &&
      call.simple.inner.some((inner) =>
        inner.commands.some((each) => each.words.some((word) => /(?:^|\/)(?:curl|wget)$/.test(word.text))),
      ),
  },
  {
    key: 'git reset --hard (destroys uncommitted changes)',
    legacy: ['git', 'git reset --hard'],
    test: (call) => gitVerb(call)?.[0] === 'reset' && hasFlag(gitVerb(call)!, '', 'hard'),
  },
  {
    key: 'git force push (rewrites remote history)',
    legacy: ['git', 'git force push'],
    test: (call) =>
      gitVerb(call)?.[0] === 'push' &&
      gitVerb(call)!.some((arg) => arg.startsWith('--force') || /^\+\S/.test(arg)),
  },
  {
    key: 'git force push short flag (rewrites remote history)',
    legacy: ['git', 'git force push'],
    test: (call) => gitVerb(call)?.[0] === 'push' && hasFlag(gitVerb(call)!, 'f'),
  },
  {
    key: 'git clean with force (deletes untracked files)',
    legacy: ['git', 'git clean with force'],
    test: (call) => gitVerb(call)?.[0] === 'clean' && hasFlag(gitVerb(call)!, 'f', 'force'),
  },
  {
    key: 'git branch force delete',
    legacy: ['git'],
    test: (call) =>
      gitVerb(call)?.[0] === 'branch' &&
      (hasFlag(gitVerb(call)!, 'D') ||
        (hasFlag(gitVerb(call)!, 'd', 'delete') && hasFlag(gitVerb(call)!, 'f', 'force'))),
  },
  {
    key: 'docker compose restart/stop/kill/down',
    legacy: ['docker'],
    test: (call) =>
      (call.name === 'docker' && call.args[0] === 'compose' && composeStops(call.args.slice(1))) ||
      (call.name === 'docker-compose' && composeStops(call.args)),
  },
  {
    key: 'docker restart/stop/kill',
    legacy: ['docker'],
    test: (call) =>
      /^(?:docker|podman)$/.test(call.name) &&
      /^(?:restart|stop|kill)$/.test(
        call.args[0] === 'container' ? (call.args[1] ?? '') : (call.args[0] ?? ''),
      ),
  },
  {
    key: 'stop/restart hermes gateway (kills running agents)',
    legacy: ['hermes', 'stop/restart hermes gateway'],
    test: (call) =>
      call.name === 'hermes' &&
      operands(call.args).some(
        (arg, index, all) => arg === 'gateway' && /^(?:stop|restart)$/.test(all[index + 1] ?? ''),
      ),
  },
  {
    key: 'hermes update (restarts gateway, kills running agents)',
    legacy: ['hermes', 'hermes update'],
    test: (call) => call.name === 'hermes' && operands(call.args)[0] === 'update',
  },
  {
    key: "start gateway outside systemd (use 'systemctl --user restart hermes-gateway')",
    legacy: ['start gateway outside systemd'],
    test: (call, around) =>
      startsGateway(call) &&
      (call.simple.end === '&' ||
        call.via.some((name) => name === 'nohup' || name === 'setsid') ||
        around.calls.slice(around.index + 1, around.index + 10).some((next) => next.name === 'disown')),
  },
  {
    key: 'kill hermes/gateway process (self-termination)',
    legacy: ['kill hermes/gateway process'],
    test: (call) => kills(call) && call.args.some((arg) => /hermes|gateway/i.test(arg)),
  },
  {
    key: 'kill process via pgrep expansion (self-termination)',
    legacy: ['kill', 'kill process via pgrep expansion'],
    test: (call) => usesPgrep(call, '$('),
  },
  {
    key: 'kill process via backtick pgrep expansion (self-termination)',
    legacy: ['kill', 'kill process via backtick pgrep expansion'],
    test: (call) => usesPgrep(call, '`'),
  },
  {
    key: 'xargs with rm',
    legacy: ['xargs'],
    test: (call) => call.name === 'rm' && call.openEnded,
  },
  {
    key: 'find -exec/-execdir rm',
    legacy: ['find', 'find -exec rm'],
    test: (call) => call.name === 'rm' && (call.via.includes('find') || call.via.includes('fd')),
  },
  {
    key: 'find -delete',
    legacy: ['find'],
    test: (call) => call.name === 'find' && call.args.includes('-delete'),
  },
  {
    key: 'sudo with privilege flag (stdin/askpass/shell/list)',
    legacy: ['sudo'],
    test: (call) =>
      call.name === 'sudo' &&
      ownOptions(call.args).some(
        (arg) => /^-[SAsli]$/.test(arg) || /^--(?:stdin|askpass|shell|list|login)$/i.test(arg),
      ),
  },
  {
    key: 'sudo with combined-flag privilege escalation',
    legacy: ['sudo'],
    test: (call) =>
      call.name === 'sudo' &&
      ownOptions(call.args).some((arg) => /^-[A-Za-z]{2,}$/.test(arg) && /[SAsi]/.test(arg)),
  },
];

/** A rule over the whole line, because a function definition is not a command. */
export const forkBombRule = { key: 'fork bomb', test: isForkBomb } as const;

function targetOf(args: readonly string[]): string {
  const at = args.findIndex((arg) => arg === '-t' || arg === '--target-directory');
  const joined = args.find((arg) => arg.startsWith('--target-directory='));
  if (joined !== undefined) return `${joined.slice(joined.indexOf('=') + 1)}/x`;
  if (at >= 0) return `${args[at + 1] ?? ''}/x`;
  const all = operands(args);
  const last = all.length > 1 ? all.at(-1)! : '';
  // A directory as target: something inside it is what gets written.
  return last.endsWith('/') || /^(?:\/private)?\/etc$/.test(last) ? `${last}/x` : last;
}

function forced(args: readonly string[]): boolean {
  return args.some(
    (arg, index) =>
      sigKill.test(arg) ||
      /^(?:--signal=|-s)(?:9|(?:SIG)?KILL)$/i.test(arg) ||
      (/^(?:-s|--signal)$/.test(arg) && /^(?:9|(?:SIG)?KILL)$/i.test(args[index + 1] ?? '')),
  );
}

/** Arguments from the verb on: `git -C dir --no-pager push …` → `push …`. */
function gitArguments(args: readonly string[]): readonly string[] {
  let at = 0;
  while (at < args.length && args[at]!.startsWith('-')) {
    at += /^(?:-C|-c|--git-dir|--work-tree|--namespace)$/.test(args[at]!) ? 2 : 1;
  }
  return args.slice(at);
}

function composeStops(args: readonly string[]): boolean {
  let at = 0;
  while (at < args.length && args[at]!.startsWith('-')) {
    at += /^(?:-f|-p|--file|--project-name|--profile|--env-file)$/.test(args[at]!) ? 2 : 1;
  }
  return /^(?:restart|stop|kill|down)$/.test(args[at] ?? '');
}
