/** What the durable parts of the HTTP surface owe: runs, responses in the background, stored streams (docs/guarantees.md). */
import type { DatabaseSync } from 'node:sqlite';
import type { RunEvent } from '../../src/api/runs/schema.ts';
import type { Clients } from './clients.ts';
import { type Asked, answerTo, fileIsGone } from './questions.ts';
import type { SeenResponse } from './responders.ts';
import type { Heard, SeenRun } from './runners.ts';
import type { Program } from './users.ts';

export interface HttpWorld {
  /** Ask and wait for the answer on one connection. */
  readonly programs: Program;
  readonly runs: Clients<SeenRun>;
  /** Responses in the background. */
  readonly polled: Clients<SeenResponse>;
  readonly streamed: Clients<SeenResponse>;
}

export interface HttpAccounts {
  /** Answered, as the database has it; every kind of request. */
  readonly requests: number;
  readonly runs: number;
  /** Times that a run went on after a kill. */
  readonly resumed: number;
  readonly background: number;
  readonly streamed: number;
  /** Streams that a kill cut. */
  readonly cuts: number;
  /** Requests whose files went with their process, and that said so. */
  readonly filesGone: number;
}

interface Ending extends Asked {
  readonly status: string;
  readonly output: string | undefined;
  readonly error: string | undefined;
}

export function accountHttp(
  db: DatabaseSync,
  world: HttpWorld,
): { readonly counts: HttpAccounts; readonly wrong: readonly string[] } {
  const { programs, runs, polled, streamed } = world;
  const requests = states(db);
  const ends: readonly Ending[] = [...runs.seen, ...polled.seen, ...streamed.seen];
  const filesGone = ends.filter(isGone).length;
  const answered = programs.answered.size + ends.filter(({ status }) => status === 'completed').length;
  const wrong = [
    ...simplePrograms(programs),
    ...[runs, polled, streamed].flatMap((each) => [...each.wrong, ...missing(each)]),
    ...ends.flatMap(judgeEnd),
    ...runs.seen.flatMap(judgeStory),
    ...storedRuns(db, runs.seen),
    ...storedResponses(db, [...polled.seen, ...streamed.seen]),
    ...differs('requests were answered', answered, requests.get('answered') ?? 0),
    ...differs('requests lost their files', filesGone, requests.get('failed') ?? 0),
    ...['pending', 'claimed', 'declined']
      .filter((state) => requests.has(state))
      .map((state) => `${requests.get(state)} requests are ${state}`),
  ];
  return {
    counts: {
      requests: requests.get('answered') ?? 0,
      runs: runs.seen.length,
      resumed: runs.seen.reduce((sum, { heard }) => sum + tellings(heard).length - 1, 0),
      background: polled.seen.length,
      streamed: streamed.seen.length,
      cuts: streamed.seen.reduce((sum, { cuts }) => sum + cuts.length, 0),
      filesGone,
    },
    wrong,
  };
}

const differs = (what: string, told: number, recorded: number) =>
  told === recorded ? [] : [`${told} ${what}, ${recorded} are recorded`];

function states(db: DatabaseSync): ReadonlyMap<string, number> {
  const rows = db
    .prepare("select state, count(*) n from inbound where account = 'api_server' group by state")
    .all();
  return new Map(rows.map((row) => [String(row['state']), Number(row['n'])]));
}

function simplePrograms({ asked, answered }: Program): string[] {
  return asked.flatMap(({ text }) => {
    const answer = answered.get(text);
    if (answer === undefined) return [`request ${text} was never answered`];
    return answer === `echo: ${text}` ? [] : [`request ${text} got the answer of another one: ${answer}`];
  });
}

/** Everything that was asked has one end; what was refused is named by `Clients.wrong`. */
function missing({ asked, seen, wrong }: Clients<Asked>): string[] {
  const known = new Set([...seen.map(({ text }) => text), ...wrong.map((line) => line.split(':')[0])]);
  return asked.filter((text) => !known.has(text)).map((text) => `${text} has no end`);
}

const isGone = ({ withFile, status, error }: Ending) =>
  withFile && status === 'failed' && fileIsGone.test(error ?? '');

/** One answer, its own; what came with a file may instead have failed because the file is gone. */
function judgeEnd(end: Ending): string[] {
  if (isGone(end)) return [];
  const { text, status, output, error } = end;
  if (status !== 'completed') return [`${text} ended ${status}: ${error ?? 'without a reason'}`];
  return output === answerTo(end) ? [] : [`${text} was answered with "${output}"`];
}

/* ---- what a run says ---- */

const lastEvents: ReadonlySet<string> = new Set(['run.completed', 'run.failed', 'run.cancelled']);

const eventOf = ({ json }: Heard) => JSON.parse(json) as RunEvent;

/** Numbers that grow by one, the same for every reader, one end, and no telling that says something else. */
function judgeStory({ text, ids, heard, again, status, output }: SeenRun): string[] {
  const wrong: string[] = [];
  if (ids.length !== 1) wrong.push(`run ${text} was started ${ids.length} times`);
  const jump = heard.findIndex(({ n }, i) => n !== i + 1);
  if (jump >= 0) wrong.push(`run ${text}: event ${heard[jump]!.n} came as number ${jump + 1}`);
  if (JSON.stringify(heard) !== JSON.stringify(again))
    wrong.push(`run ${text} told a later reader something else`);
  const events = heard.map(eventOf);
  const ends = events.filter(({ event }) => lastEvents.has(event));
  const last = events.at(-1);
  if (ends.length !== 1 || ends[0] !== last) wrong.push(`run ${text} has ${ends.length} last events`);
  if (last?.event !== `run.${status}`) wrong.push(`run ${text} is ${status}, its last event ${last?.event}`);
  if (last?.event === 'run.completed' && last.output !== output)
    wrong.push(`run ${text} has two outputs: "${last.output}" and "${output}"`);
  for (const said of tellings(heard)) {
    if (!(output ?? answerTo({ text, withFile: true })).startsWith(said))
      wrong.push(`run ${text} said "${said}" and answered "${output}"`);
  }
  if (status === 'completed' && tellings(heard).at(-1) !== output)
    wrong.push(`run ${text} was not told to its end: "${tellings(heard).at(-1)}"`);
  return wrong;
}

/** The texts between resumptions: each begins anew with the step that was cut. */
function tellings(heard: readonly Heard[]): string[] {
  const texts = [''];
  for (const event of heard.map(eventOf)) {
    if (event.event === 'run.resumed') texts.push('');
    if (event.event === 'message.delta') texts.push(`${texts.pop() ?? ''}${event.delta}`);
  }
  return texts;
}

/* ---- what is stored ---- */

function storedRuns(db: DatabaseSync, seen: readonly SeenRun[]): string[] {
  const rows = db.prepare('select id, key, state, body from run').all();
  const byId = new Map(rows.map((row) => [String(row['id']), row]));
  const turnOf = db.prepare("select turn from inbound where account = 'api_server' and key = ?");
  const messagesOf = db.prepare('select body from message where turn = ?');
  const wrong = rows
    .filter(({ state }) => state !== 'ended')
    .map(({ key, state }) => `the stored run ${key} is ${state} for ever`);
  for (const { text, ids, status } of seen) {
    const row = byId.get(ids[0] ?? '');
    if (row === undefined || row['key'] !== text) {
      wrong.push(`run ${text} is not stored`);
      continue;
    }
    const { settled } = JSON.parse(String(row['body'])) as { readonly settled?: { readonly status: string } };
    if (settled?.status !== status) wrong.push(`run ${text} was ${status} and is kept as ${settled?.status}`);
    const turn = turnOf.get(String(row['id']))?.['turn'] ?? null;
    const answers = messagesOf.all(turn as string | null).filter(({ body }) => isAnswer(String(body)));
    if (status === 'completed' && answers.length !== 1)
      wrong.push(`run ${text} has ${answers.length} recorded answers`);
  }
  if (rows.length !== seen.length) wrong.push(`${seen.length} runs were started, ${rows.length} are stored`);
  return wrong;
}

function isAnswer(body: string): boolean {
  const message = JSON.parse(body) as { readonly role: string; readonly toolCalls?: unknown };
  return message.role === 'assistant' && message.toolCalls === undefined;
}

function storedResponses(db: DatabaseSync, seen: readonly SeenResponse[]): string[] {
  const rows = db.prepare('select id, state, body from response').all();
  const wrong = rows
    .filter(({ state }) => state !== 'ended')
    .map(({ id }) => `response ${id} is open for ever`);
  const statusOf = new Map<string, string>();
  for (const { id, body } of rows) {
    const { response } = JSON.parse(String(body)) as { readonly response: { readonly status: string } };
    statusOf.set(String(id), response.status);
  }
  for (const { text, id, status, cuts } of seen) {
    // Only the newest hundred are kept.
    for (const told of [{ id, status }, ...cuts]) {
      const kept = statusOf.get(told.id) ?? told.status;
      if (kept !== told.status) wrong.push(`a response to ${text} was ${told.status} and is kept as ${kept}`);
    }
    for (const { status: cut } of cuts) {
      if (!afterCut.has(cut)) wrong.push(`the cut stream of ${text} is kept as ${cut}`);
    }
  }
  return wrong;
}

/** `completed`: the kill came between the last snapshot and the last event. */
const afterCut: ReadonlySet<string> = new Set(['incomplete', 'failed', 'completed']);
