/**
 * The accounting identity: what people sent, what the database says and what the chats show must agree
 * (docs/guarantees.md). Read from the database file after the gateway ended.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { accountHttp, type HttpAccounts, type HttpWorld } from './http-accounting.ts';
import { tellsOfFiles } from './questions.ts';
import type { Sent } from './users.ts';

export interface Accounts extends HttpAccounts {
  readonly sent: number;
  readonly accepted: number;
  readonly answered: number;
  readonly declined: number;
  readonly failed: number;
  readonly open: number;
  readonly parts: number;
  readonly partsSent: number;
  readonly partsDead: number;
  readonly partsOpen: number;
  readonly visible: number;
  readonly doubles: number;
  readonly maybeDoubled: number;
  /** Webhook deliveries that were taken. */
  readonly pushed: number;
  /** Lines left by commands the model asked for. */
  readonly commands: number;
  readonly integrity: string;
  /** Sentences about everything that does not add up; empty = the identity holds. */
  readonly wrong: readonly string[];
}

/** One message that people see in a chat; a double is there twice. */
export interface Visible {
  readonly chat: string;
  readonly text: string;
}

interface PartRow {
  readonly key: string;
  readonly state: string;
  readonly mark: string | null;
  readonly message: string | null;
  readonly op: string;
  readonly chat: string;
}

/** What everybody outside the gateway remembers. */
export interface World extends HttpWorld {
  readonly visible: readonly Visible[];
  readonly chats: readonly Sent[];
  readonly pushed: readonly Sent[];
}

export function account(home: string, world: World): Accounts {
  const db = new DatabaseSync(join(home, 'gateway.db'), { readOnly: true });
  try {
    const lines = commandsThatRan(join(home, 'ran.txt'));
    const { wrong, ...chats } = readChats(db, world);
    const http = accountHttp(db, world);
    return {
      ...chats,
      ...http.counts,
      commands: lines.length,
      wrong: [...wrong, ...http.wrong, ...ranTwice(lines), ...keptFiles(home)],
    };
  } finally {
    db.close();
  }
}

/** Conversations of programs, whose turns are judged by what they owe to programs. */
const ofPrograms = "(select id from session where source = 'api_server')";

function readChats(db: DatabaseSync, world: World): Omit<Accounts, keyof HttpAccounts | 'commands'> {
  const wrong: string[] = [];
  const many = (sql: string) => db.prepare(sql).all() as Record<string, unknown>[];
  const count = (sql: string) => Number(many(sql)[0]?.['n'] ?? 0);
  const states = (where: string) =>
    new Map(
      many(`select state, count(*) n from inbound where ${where} group by state`).map((row) => [
        row['state'],
        Number(row['n']),
      ]),
    );
  const chat = states("account like 'telegram:%' or account like 'wecom:%'");
  const stateOf = (name: string) => chat.get(name) ?? 0;
  const accepted = [...chat.values()].reduce((sum, n) => sum + n, 0);
  const open = stateOf('pending') + stateOf('claimed');

  if (accepted !== world.chats.length)
    wrong.push(`${world.chats.length} messages were sent, ${accepted} accepted`);
  if (open > 0) wrong.push(`${open} accepted messages never ended`);
  if (stateOf('failed') > 0) wrong.push(`${stateOf('failed')} chat messages failed`);
  if (stateOf('declined') > 0) wrong.push(`${stateOf('declined')} chat messages were declined`);
  if (count("select count(*) n from turn where state = 'running'") > 0) wrong.push('a turn still runs');
  for (const row of many(
    `select id, state, error from turn
     where consumer = 'chat' and state not in ('completed', 'running') and session_id not in ${ofPrograms}`,
  )) {
    wrong.push(`turn ${row['id']} of a chat ended ${row['state']}: ${row['error']}`);
  }
  const lost = count(
    `select count(*) n from turn
     where state = 'completed' and consumer = 'chat' and session_id not in ${ofPrograms}
       and id not in (select turn from part where turn is not null)`,
  );
  if (lost > 0) wrong.push(`${lost} completed turns have no part`);

  const parts = many('select key, state, mark, message, op, chat from part') as unknown as PartRow[];
  const { visible } = world;
  const shown = new Map<string, number>();
  for (const message of visible) {
    const text = `${message.chat}|${message.text}`;
    shown.set(text, (shown.get(text) ?? 0) + 1);
  }
  let doubles = 0;
  const known = new Set<string>();
  for (const part of parts) {
    const text = `${part.chat}|${String((JSON.parse(part.op) as { body: { plain: string } }).body.plain)}`;
    known.add(text);
    const times = shown.get(text) ?? 0;
    if (part.state === 'sent' && times === 0) wrong.push(`part ${part.key} is sent but nobody sees it`);
    if (times > 1) {
      doubles += times - 1;
      if (part.mark === null) wrong.push(`part ${part.key} is visible ${times} times and not marked`);
    }
    if (part.state === 'dead') wrong.push(`part ${part.key} died`);
    if (part.state === 'queued' || part.state === 'attempting')
      wrong.push(`part ${part.key} is still ${part.state}`);
  }
  for (const text of shown.keys()) if (!known.has(text)) wrong.push(`"${text}" is visible without a part`);
  wrong.push(...unanswered([...world.chats, ...world.pushed], [...shown.keys()]));
  const hooks = states("account like 'webhook:%'");
  for (const state of ['pending', 'claimed', 'failed', 'declined']) {
    if (hooks.has(state)) wrong.push(`${hooks.get(state)} webhook deliveries are ${state}`);
  }

  const integrity = String(many('pragma integrity_check')[0]?.['integrity_check']);
  if (integrity !== 'ok') wrong.push(`integrity check: ${integrity}`);
  return {
    sent: world.chats.length,
    accepted,
    answered: stateOf('answered'),
    declined: stateOf('declined'),
    failed: stateOf('failed'),
    open,
    parts: parts.length,
    partsSent: parts.filter(({ state }) => state === 'sent').length,
    partsDead: parts.filter(({ state }) => state === 'dead').length,
    partsOpen: parts.filter(({ state }) => state === 'queued' || state === 'attempting').length,
    visible: visible.length,
    doubles,
    maybeDoubled: parts.filter(({ mark }) => mark === 'maybe_doubled').length,
    pushed: world.pushed.length,
    integrity,
    wrong,
  };
}

/** A tool that is not idempotent runs at most once, also when its turn was resumed. */
function ranTwice(lines: readonly string[]): string[] {
  const twice = lines.filter((line, index) => lines.indexOf(line) !== index);
  return [...new Set(twice)].map((line) => `the command of ${line} ran more than once`);
}

function commandsThatRan(file: string): string[] {
  return existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
}

/** What a file of a request says is stored nowhere (docs/guarantees.md). */
function keptFiles(home: string): string[] {
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => tellsOfFiles(readFileSync(file, 'latin1')))
    .map((file) => `${file} shows what was in the file of a request`);
}

/** Every text stands in exactly one visible answer of its own chat, counted once however often that is repeated. */
function unanswered(sent: readonly Sent[], shown: readonly string[]): string[] {
  const chatOf = new Map(sent.map(({ text, who }) => [text, who]));
  const answers = new Map<string, number>();
  const wrong: string[] = [];
  for (const each of shown) {
    const [chat = '', text = ''] = each.split('|');
    for (const word of text.split(/\s+/)) {
      if (!/^[ctuw]\d+-\d+$/.test(word)) continue;
      answers.set(word, (answers.get(word) ?? 0) + 1);
      if (chatOf.get(word) !== chat) wrong.push(`chat ${chat} reads ${word}`);
    }
  }
  for (const { text } of sent) {
    const times = answers.get(text) ?? 0;
    if (times !== 1) wrong.push(`${text} is answered ${times} times`);
  }
  return wrong;
}
