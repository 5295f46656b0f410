/** Declarative filters of a route (webhooks §7). What cannot be understood never matches, so the event is ignored. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { runInNewContext } from 'node:vm';

export interface Subject {
  readonly payload: unknown;
  readonly event: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly home: string;
}

class NotUnderstood extends Error {}

type Spec = Readonly<Record<string, unknown>>;

/** Absent filters pass; a list passes when all of it does. Never rejects. */
export async function passes(filters: unknown, subject: Subject): Promise<boolean> {
  if (filters === undefined || filters === null) return true;
  try {
    return Array.isArray(filters) ? await every(filters, subject) : await one(filters, subject);
  } catch (error) {
    if (error instanceof NotUnderstood) return false;
    throw error;
  }
}

async function every(specs: readonly unknown[], subject: Subject): Promise<boolean> {
  for (const spec of specs) if (!(await one(spec, subject))) return false;
  return true;
}

async function one(spec: unknown, subject: Subject): Promise<boolean> {
  if (!isSpec(spec)) throw new NotUnderstood();
  const results: boolean[] = [];
  const group = (name: string): readonly unknown[] | undefined => {
    const list = spec[name];
    if (list === undefined) return undefined;
    if (!Array.isArray(list)) throw new NotUnderstood();
    return list;
  };
  const all = group('all');
  if (all !== undefined) results.push(await every(all, subject));
  const any = group('any');
  if (any !== undefined) {
    const found = await Promise.all(any.map((inner) => one(inner, subject)));
    results.push(found.includes(true));
  }
  if (spec['not'] !== undefined) results.push(!(await one(spec['not'], subject)));
  if (typeof spec['field'] === 'string') {
    const found = lookUp(spec['field'], subject);
    for (const [name, operator] of Object.entries(operators))
      if (Object.hasOwn(spec, name)) results.push(await operator(found, spec[name], subject));
  }
  if (results.length === 0) throw new NotUnderstood();
  return results.every((result) => result);
}

interface Found {
  readonly isThere: boolean;
  readonly value: unknown;
}

type Operator = (found: Found, wanted: unknown, subject: Subject) => boolean | Promise<boolean>;

const operators: Readonly<Record<string, Operator>> = {
  exists: ({ isThere }, wanted) => isThere === (wanted !== false),
  missing: ({ isThere }, wanted) => isThere === (wanted === false),
  equals: ({ isThere, value }, wanted) => isThere && isDeepStrictEqual(value, wanted),
  not_equals: ({ isThere, value }, wanted) => !isThere || !isDeepStrictEqual(value, wanted),
  contains: ({ isThere, value }, wanted) => isThere && contains(value, wanted),
  in: ({ isThere, value }, wanted) =>
    isThere && Array.isArray(wanted) && wanted.some((item) => isDeepStrictEqual(item, value)),
  in_file: ({ isThere, value }, wanted, { home }) => isThere && inFile(value, wanted, home),
  regex: ({ isThere, value }, wanted) => isThere && matches(value, wanted),
};

function contains(value: unknown, wanted: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => isDeepStrictEqual(item, wanted));
  if (isSpec(value)) return Object.hasOwn(value, String(wanted));
  return String(value).includes(String(wanted));
}

const largestList = 1024 * 1024;

/** A JSON list, the keys of a JSON object, or one value per line. */
async function inFile(value: unknown, wanted: unknown, home: string): Promise<boolean> {
  if (typeof wanted !== 'string') throw new NotUnderstood();
  const path = wanted.startsWith('~/.hermes/') ? join(home, wanted.slice('~/.hermes/'.length)) : wanted;
  const text = await readSmall(path);
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list.some((item) => isDeepStrictEqual(item, value));
    if (isSpec(list)) return Object.hasOwn(list, String(value));
  } catch {
    // Not JSON: lines.
  }
  return text.split('\n').some((line) => line.trim() !== '' && line.trim() === String(value));
}

async function readSmall(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > largestList) throw new NotUnderstood();
    return await readFile(path, 'utf8');
  } catch {
    throw new NotUnderstood();
  }
}

const regexMs = 100;
const longestSubject = 65_536;

/** The pattern is the operator's and the text a stranger's: the time of a search is limited, too. */
function matches(value: unknown, pattern: unknown): boolean {
  if (typeof pattern !== 'string') throw new NotUnderstood();
  // The form other engines write flags in.
  const [, flags = '', source = ''] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(pattern) ?? [];
  const given = { source, flags, text: String(value).slice(0, longestSubject) };
  try {
    return runInNewContext('new RegExp(source, flags).test(text)', given, { timeout: regexMs }) === true;
  } catch {
    throw new NotUnderstood();
  }
}

function lookUp(field: string, { payload, event, headers }: Subject): Found {
  if (field === 'event' || field === 'event_type') return { isThere: true, value: event };
  if (field.startsWith('headers.')) {
    const value = headers.get(field.slice('headers.'.length).toLowerCase());
    return { isThere: value !== undefined, value };
  }
  const names = field.split('.');
  if (names[0] === 'payload' && !(isSpec(payload) && isSpec(ownValue(payload, 'payload').value)))
    names.shift();
  let at: Found = { isThere: true, value: payload };
  for (const name of names) {
    at = ownValue(at.value, name);
    if (!at.isThere) return at;
  }
  return at;
}

function ownValue(holder: unknown, name: string): Found {
  const isHolder = typeof holder === 'object' && holder !== null;
  const isIndex = !Array.isArray(holder) || /^\d+$/.test(name);
  if (!isHolder || !isIndex || !Object.hasOwn(holder, name)) return { isThere: false, value: undefined };
  return { isThere: true, value: (holder as Spec)[name] };
}

function isSpec(value: unknown): value is Spec {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
