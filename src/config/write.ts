/** `hermes config set`: one value into config.yaml (comments kept) or, for secrets, into `.env`. */
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { parseEnv } from 'node:util';
import { isSeq, parse, parseDocument } from 'yaml';
import { fail } from '../core/errors.ts';
import { parseConfig, readText } from './document.ts';
import { createHome, filesOf } from './home.ts';
import { type Key, keys } from './keys.ts';
import { isVariable } from './resolve.ts';
import { looksSecret } from './secrets.ts';

export interface Written {
  readonly file: string;
  readonly name: string;
  readonly secret: boolean;
}

/**
 * `name` is a variable (NAME) or a dotted path; values are read as YAML, so `true`, `3` and `[a, b]` keep their type.
 * The new file replaces the old one in one step, mode 0600. Throws BAD_USAGE for a value that the key refuses and
 * CONFIG_UNREADABLE when the present file is broken: then nothing is written.
 */
export function writeConfig(home: string, name: string, value: string): Written {
  const known = (keys as Record<string, Key>)[name];
  if (/[\r\n]/.test(value)) fail('BAD_USAGE', { why: 'a value must not contain line breaks.' });
  if (isVariable(name)) return writeVariable(home, name, value);
  const secret = known?.secret === true || looksSecret(name.split('.').at(-1) ?? '');
  if (secret && known?.env !== undefined) return writeVariable(home, known.env, value);
  return writePath(home, name, value, known, secret);
}

/** Adds to `command_allowlist` what is not there yet; what people wrote into the file meanwhile stays. */
export function allowForEver(home: string, keys: readonly string[]): void {
  const { config: file } = filesOf(home);
  const written = parseDocument(readText(file) ?? '').get('command_allowlist');
  const present = isSeq(written) ? (written.toJSON() as readonly unknown[]) : [];
  const missing = keys.filter((key) => !present.includes(key));
  if (missing.length > 0) writeConfig(home, 'command_allowlist', JSON.stringify([...present, ...missing]));
}

function writeVariable(home: string, name: string, value: string): Written {
  const { env: file } = filesOf(home);
  const key = Object.entries(keys as Record<string, Key>).find(
    ([id, entry]) => id === name || entry.env === name,
  )?.[1];
  if (key !== undefined) refuseWrongType(name, value, key);
  const line = `${name}=${quoted(name, value)}`;
  const old = (readText(file) ?? '').split('\n');
  const assignment = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=`);
  const at = old.findIndex((text) => assignment.test(text));
  const kept = old.filter((text, index) => index === at || !assignment.test(text));
  if (at >= 0) kept[at] = line;
  else kept.splice(kept.at(-1) === '' ? kept.length - 1 : kept.length, 0, line);
  const text = kept.join('\n');
  replaceFile(home, file, text.endsWith('\n') ? text : `${text}\n`);
  return { file, name, secret: key?.secret === true || looksSecret(name) };
}

/** Plain where that reads back unchanged, else in the first kind of quotes that does. */
function quoted(name: string, value: string): string {
  for (const text of [value, `"${value}"`, `'${value}'`, `\`${value}\``])
    if (parseEnv(`${name}=${text}\n`)[name] === value) return text;
  return fail('BAD_USAGE', { why: 'the value holds all three kinds of quotes; edit the file by hand.' });
}

function writePath(
  home: string,
  name: string,
  value: string,
  known: Key | undefined,
  secret: boolean,
): Written {
  const { config: file } = filesOf(home);
  const source = readText(file) ?? '';
  parseConfig(file, source, () => undefined);
  const parsed: unknown = secret ? value : parse(value, { intAsBigInt: false });
  if (known !== undefined) refuseWrongType(name, parsed, known);
  const document = parseDocument(source);
  const path = name.split('.');
  for (let length = 1; length < path.length; length += 1) {
    const above = document.getIn(path.slice(0, length));
    if (above !== undefined && above !== null && typeof above !== 'object')
      document.deleteIn(path.slice(0, length));
  }
  document.setIn(path, parsed);
  replaceFile(home, file, document.toString());
  return { file, name, secret };
}

function refuseWrongType(name: string, value: unknown, key: Key): void {
  const result = key.value.safeParse(value);
  if (!result.success)
    fail('BAD_USAGE', { why: `${name}: ${result.error.issues[0]?.message ?? 'wrong value'}.` });
}

/** Through a symbolic link the target is replaced, so that managed dot-files stay linked. */
function replaceFile(home: string, file: string, text: string): void {
  createHome(home);
  const target = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ? realpathSync(file) : file;
  const draft = `${target}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' });
    const handle = openSync(draft, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
