/** Platform blocks: merged from all documented places, environment applied, checked (gateway-core §2.2). */
import type { ZodType } from 'zod';
import type { Manifest } from '../core/manifest.ts';
import type { ConfigDocument } from './document.ts';
import type { Problem } from './problem.ts';
import { type Found, fromEnvironment, type Layers, placeOf, type Source } from './resolve.ts';
import { isPlaceholder } from './secrets.ts';
import type { HomeChannel, PlatformBlock } from './settings.ts';
import { choice, flag, isMapping, names, text, toBoolean } from './values.ts';

/** What loading needs of a platform; given as an argument, so that configuration knows no platform. */
export interface PlatformSpec {
  readonly manifest: Manifest;
  /** Called only for platforms that are switched on, because it loads their code. */
  config?(): Promise<{
    /** Variable → key of the schema. */
    readonly env: Readonly<Record<string, string>>;
    readonly schema: ZodType<unknown>;
  }>;
}

type Report = (problem: Problem) => void;
type Values = ReadonlyMap<string, Found>;

/** Undefined = switched off. Every reason that is not the user's wish is reported. */
export async function platformBlock(
  spec: PlatformSpec,
  layers: Layers,
  report: Report,
): Promise<PlatformBlock | undefined> {
  const { manifest } = spec;
  const written = writtenValues(manifest, layers);
  if (!isEnabled(manifest, written, layers, report)) return undefined;
  const config = await spec.config?.();
  const values = new Map(written);
  for (const [variable, key] of Object.entries(config?.env ?? {})) {
    const found = fromEnvironment(variable, layers.env)[0];
    if (found !== undefined) values.set(key, found);
  }
  const problem = (message: string, found?: Found, key = manifest.name): Problem => ({
    severity: 'error',
    platform: manifest.name,
    path: found === undefined ? key : nameOf(found.source, `${manifest.name}.${key}`),
    message,
    ...(found === undefined ? {} : placeOf(found.source)),
  });
  const bad = badCredential(manifest, values);
  if (bad !== undefined) {
    report(problem(`is a placeholder; ${manifest.title} stays off.`, bad.found, bad.key));
    return undefined;
  }
  const access = accessOf(manifest, values, layers, (found, message) => report(problem(message, found)));
  if (access === undefined) return undefined;
  const plain = plainValues(values);
  checkSchema(manifest, config?.schema, plain, values, report);
  return {
    values: plain,
    home: homeOf(manifest, values, layers),
    access,
    replyToMode: wordOf(values, 'reply_to_mode', choice(['off', 'first', 'all']), 'first', report),
    onUnknown: wordOf(values, 'on_unknown', choice(['repeat', 'hold']), 'repeat', report),
  };
}

/** Later places win; inside one place a key under `extra` beats the same key of the block (webhooks §1). */
function writtenValues({ name, sections = [] }: Manifest, layers: Layers): Values {
  const values = new Map<string, Found>();
  const add = (document: ConfigDocument | undefined, path: readonly string[]) => {
    const block = document?.at(path);
    if (document === undefined || !isMapping(block)) return;
    const take = (map: Readonly<Record<string, unknown>>, at: readonly string[]) => {
      for (const [key, raw] of Object.entries(map)) {
        if (raw === null || raw === undefined || (key === 'extra' && isMapping(raw))) continue;
        const before = values.get(key)?.raw;
        const merged = isMapping(before) && isMapping(raw) ? { ...before, ...raw } : raw;
        const source: Source = {
          kind: 'file',
          path: [...at, key].join('.'),
          file: document.file,
          ...document.where([...at, key]),
        };
        values.set(key, { raw: merged, source });
      }
    };
    take(block, path);
    if (isMapping(block['extra'])) take(block['extra'], [...path, 'extra']);
  };
  for (const section of sections) add(layers.config, [section]);
  add(layers.legacy, ['platforms', name]);
  for (const path of [['gateway', 'platforms', name], ['platforms', name], [name]]) add(layers.config, path);
  return values;
}

/** A written `enabled: false` beats every credential in the environment. */
function isEnabled(manifest: Manifest, written: Values, layers: Layers, report: Report): boolean {
  const switches = manifest.env.enabledBy.filter((name) => name.endsWith('_ENABLED'));
  const credentials = manifest.env.enabledBy.filter((name) => !name.endsWith('_ENABLED'));
  const states = switches.map((name) => layers.env.get(name)).map((value) => toBoolean(value));
  const found = written.get('enabled');
  const inFile = found === undefined ? undefined : toBoolean(found.raw);
  if (found !== undefined && inFile === undefined) {
    report({
      severity: 'error',
      platform: manifest.name,
      path: nameOf(found.source, `${manifest.name}.enabled`),
      message: `expected true or false; ${manifest.title} stays off.`,
      ...placeOf(found.source),
    });
    return false;
  }
  if (inFile === false || states.includes(false)) return false;
  if (inFile === true || states.includes(true)) return true;
  if (credentials.some((name) => layers.env.get(name) !== undefined)) return true;
  const secret = manifest.secrets.map((key) => written.get(key)).find((value) => value !== undefined);
  if (secret !== undefined)
    report({
      severity: 'warning',
      path: nameOf(secret.source, manifest.name),
      message: `is set, but ${manifest.title} is not switched on.`,
      hint: `Add \`enabled: true\` to \`platforms.${manifest.name}\`.`,
      ...placeOf(secret.source),
    });
  return false;
}

function badCredential(
  manifest: Manifest,
  values: Values,
): { readonly key: string; readonly found: Found } | undefined {
  for (const key of manifest.secrets) {
    const found = values.get(key);
    // Empty means unset, not a bad secret.
    if (found !== undefined && String(found.raw ?? '') !== '' && isPlaceholder(String(found.raw)))
      return { key, found };
  }
  return undefined;
}

/** Undefined when a list cannot be read: the platform stays off rather than open or shut by accident. */
function accessOf(
  manifest: Manifest,
  values: Values,
  layers: Layers,
  report: (found: Found, message: string) => void,
): PlatformBlock['access'] | undefined {
  let readable = true;
  const pick = <T>(variable: string | undefined, key: string, type: ZodType<T>, otherwise: T): T => {
    const found =
      (variable === undefined ? undefined : fromEnvironment(variable, layers.env)[0]) ?? values.get(key);
    if (found === undefined) return otherwise;
    const result = type.safeParse(found.raw);
    if (result.success) return result.data;
    readable = false;
    report(found, `${result.error.issues[0]?.message ?? 'cannot be read'}; ${manifest.title} stays off.`);
    return otherwise;
  };
  const { env } = manifest;
  const access = {
    allowedUsers: pick(env.allowedUsers, 'allow_from', names(), []),
    allowAll: pick(env.allowAll, 'allow_all_users', flag(), false),
    groupAllowedUsers: pick(env.groupAllowedUsers, 'group_allow_from', names(), []),
    groupAllowedChats: pick(env.groupAllowedChats, 'group_allowed_chats', names(), []),
  };
  return readable ? access : undefined;
}

function homeOf(manifest: Manifest, values: Values, layers: Layers): HomeChannel | undefined {
  const variable = manifest.env.home;
  const chat = variable === undefined ? undefined : layers.env.get(variable);
  if (variable !== undefined && chat !== undefined) {
    return {
      chat,
      name: layers.env.get(`${variable}_NAME`) ?? 'Home',
      thread: layers.env.get(`${variable}_THREAD_ID`),
    };
  }
  const written = values.get('home_channel')?.raw;
  const block = isMapping(written) ? written : { chat_id: written };
  const id = text().safeParse(block['chat_id']);
  if (!id.success || id.data === '') return undefined;
  const name = text().safeParse(block['name']);
  const thread = text().safeParse(block['thread_id']);
  return {
    chat: id.data,
    name: name.success ? name.data : 'Home',
    thread: thread.success ? thread.data : undefined,
  };
}

/** Keys that the core reads and a platform's own schema never sees. */
const coreKeys = new Set(['enabled', 'home_channel', 'on_unknown']);

function plainValues(values: Values): Record<string, unknown> {
  let plain: Record<string, unknown> = {};
  for (const [key, { raw }] of values) if (!coreKeys.has(key)) plain = withValue(plain, key.split('.'), raw);
  return plain;
}

/** A copy of `map` with `raw` at `path`; what is written there already stays whole. */
function withValue(
  map: unknown,
  [head = '', ...rest]: readonly string[],
  raw: unknown,
): Record<string, unknown> {
  const copy = isMapping(map) ? { ...map } : {};
  return { ...copy, [head]: rest.length === 0 ? raw : withValue(copy[head], rest, raw) };
}

/** Reported for `config check`; the supervisor refuses such a platform when it opens it. */
function checkSchema(
  manifest: Manifest,
  schema: ZodType<unknown> | undefined,
  plain: Readonly<Record<string, unknown>>,
  values: Values,
  report: Report,
): void {
  const result = schema?.safeParse(plain);
  for (const issue of result?.success === false ? result.error.issues : []) {
    const found = values.get(String(issue.path[0] ?? ''));
    report({
      severity: 'error',
      platform: manifest.name,
      path:
        found === undefined ? [manifest.name, ...issue.path].join('.') : nameOf(found.source, manifest.name),
      message: `${issue.message}; ${manifest.title} cannot start.`,
      ...(found === undefined ? {} : placeOf(found.source)),
    });
  }
}

function wordOf<T>(values: Values, key: string, type: ZodType<T>, otherwise: T, report: Report): T {
  const found = values.get(key);
  if (found === undefined) return otherwise;
  const result = type.safeParse(found.raw);
  if (result.success) return result.data;
  report({
    severity: 'warning',
    path: nameOf(found.source, key),
    message: `${result.error.issues[0]?.message ?? 'cannot be read'}.`,
    hint: 'The value is ignored.',
    ...placeOf(found.source),
  });
  return otherwise;
}

function nameOf(source: Source, otherwise: string): string {
  if (source.kind === 'env') return source.name;
  return source.kind === 'file' ? source.path : otherwise;
}
