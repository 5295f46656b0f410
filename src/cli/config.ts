/** `hermes config …`. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { explain } from '../config/explain.ts';
import { createHome } from '../config/home.ts';
import { type Key, keys } from '../config/keys.ts';
import { describeProblem } from '../config/problem.ts';
import { writeConfig } from '../config/write.ts';
import { fail } from '../core/errors.ts';
import { exitCodes } from './failure.ts';
import { type Host, homeOf, type Place } from './host.ts';
import { line, styleFor } from './print.ts';
import { readSettings } from './settings.ts';

/** Everything that is set somewhere, with its place; secrets masked. */
export async function configShow(host: Host, place: Place): Promise<number> {
  const { settings, sources, problems } = await readSettings(host, place);
  const files = homeOf(host, place);
  const style = styleFor(host, host.stdout);
  line(host.stdout, `${style.dim('home')}    ${files.home}`);
  line(
    host.stdout,
    `${style.dim('config')}  ${files.config}${existsSync(files.config) ? '' : ' (not there)'}`,
  );
  line(host.stdout, `${style.dim('.env')}    ${files.env}${existsSync(files.env) ? '' : ' (not there)'}`);
  line(host.stdout);
  let shown = 0;
  for (const name of Object.keys(keys).filter((key) => !key.includes('*'))) {
    const found = explain(name, sources);
    if (found.source === 'default') continue;
    shown += 1;
    line(host.stdout, `${found.key} = ${found.value}  ${style.dim(found.source)}`);
  }
  const chats = Object.keys(settings.platforms);
  if (chats.length > 0) line(host.stdout, `platforms switched on: ${chats.join(', ')}`);
  if (shown === 0) line(host.stdout, 'Everything is at its default.');
  if (problems.length > 0) line(host.stdout, `\n${problems.length} problem(s): hermes config check`);
  return exitCodes.ok;
}

export async function configCheck(host: Host, place: Place): Promise<number> {
  const { problems } = await readSettings(host, place);
  const style = styleFor(host, host.stdout);
  for (const problem of problems) {
    const mark = problem.severity === 'error' ? style.red('✗') : style.yellow('⚠');
    line(host.stdout, `${mark} ${describeProblem(problem)}`);
  }
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const warnings = problems.length - errors;
  if (problems.length === 0) line(host.stdout, `${style.green('✓')} No problems found.`);
  else line(host.stdout, `${errors} error(s), ${warnings} warning(s).`);
  return errors > 0 ? exitCodes.failed : exitCodes.ok;
}

export async function configExplain(host: Host, place: Place, key: string): Promise<number> {
  const { sources } = await readSettings(host, place);
  const found = explain(key, sources);
  const style = styleFor(host, host.stdout);
  line(host.stdout, `${style.bold(found.key)} = ${found.value === '' ? '(unset)' : found.value}`);
  line(host.stdout, `  from    ${found.source}`);
  for (const { value, source } of found.lost) line(host.stdout, `  unused  ${value} from ${source}`);
  line(host.stdout, `  about   ${found.about}${found.env === undefined ? '' : ` Variable: ${found.env}.`}`);
  if (!found.hasEffect) line(host.stdout, '  note    accepted, but without effect in this version');
  for (const problem of found.problems) line(host.stdout, `  ${style.yellow('⚠')} ${problem}`);
  return exitCodes.ok;
}

export async function configSet(host: Host, place: Place, key: string, value: string): Promise<number> {
  const written = writeConfig(homeOf(host, place).home, key, value);
  line(host.stdout, `✓ Set ${written.name} in ${written.file}`);
  if (!written.secret && !(await isKnown(host, key)))
    line(
      host.stderr,
      `⚠ ${key} is not a key of the table; \`hermes config check\` says whether it has an effect.`,
    );
  return exitCodes.ok;
}

/** A key of the table, its variable, or a variable of a platform. */
async function isKnown(host: Host, key: string): Promise<boolean> {
  if (key in keys || Object.values<Key>(keys).some((known) => known.env === key)) return true;
  for (const { manifest, config } of await host.platforms()) {
    const { enabledBy, ...named } = manifest.env;
    if ([...enabledBy, ...Object.values(named)].includes(key)) return true;
    if (config !== undefined && key in (await config()).env) return true;
  }
  return false;
}

export async function configPath(host: Host, place: Place, file: 'config' | 'env'): Promise<number> {
  line(host.stdout, homeOf(host, place)[file]);
  return exitCodes.ok;
}

export async function configEdit(host: Host, place: Place): Promise<number> {
  const { home, config } = homeOf(host, place);
  const editor = host.env['VISUAL'] || host.env['EDITOR'];
  if (!editor) fail('BAD_USAGE', { why: `No editor is set. Set EDITOR, or open ${config} yourself.` });
  createHome(home);
  if (!existsSync(config)) writeFileSync(config, '', { mode: 0o600, flag: 'wx' });
  const [program = editor, ...args] = editor.split(/\s+/);
  const code = await new Promise<number>((resolve, reject) => {
    const child = spawn(program, [...args, config], { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (status) => resolve(status ?? exitCodes.failed));
  });
  return code === 0 ? configCheck(host, place) : code;
}
