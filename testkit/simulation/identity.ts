/** Compares what the database says with what the chats show. Answers every sentence that does not hold. */
import { type Message, textOf } from '../../src/core/message.ts';
import { query } from '../../src/store/query.ts';
import type { Store } from '../../src/store/store.ts';
import type { Simulated } from './simulate.ts';

const inbounds = query((db, _: Record<never, never>) =>
  db.selectFrom('inbound').select(['key', 'state', 'reason', 'turn']).orderBy('id'),
);
const parts = query((db, _: Record<never, never>) =>
  db.selectFrom('part').select(['id', 'key', 'chat', 'state', 'mark', 'class']).orderBy('id'),
);
const turns = query((db, _: Record<never, never>) => db.selectFrom('turn').select(['id', 'state']));
const texts = query((db, _: Record<never, never>) => db.selectFrom('message').select('body').orderBy('id'));

export async function violations(store: Store, { platform, active }: Simulated): Promise<string[]> {
  const wrong: string[] = [];
  const say = (holds: boolean, sentence: string) => {
    if (!holds) wrong.push(sentence);
  };
  const events = await store.read.all(inbounds, {});
  const rows = await store.read.all(parts, {});
  const sent = new Set(platform.confirmed.map(({ key }) => String(key)));
  say(events.length === sent.size, `${sent.size} events were sent, ${events.length} are stored`);
  say(active === 0, `${active} turns are still known to the engine`);
  for (const turn of await store.read.all(turns, {}))
    say(turn.state !== 'running', `turn ${turn.id} never ended`);

  const written = new Map(rows.map((row) => [row.key, row]));
  const read = new Map<string, number>();
  for (const { body } of await store.read.all(texts, {})) {
    const message = JSON.parse(body) as Message;
    if (message.role !== 'user') continue;
    for (const [text] of textOf(message.content).matchAll(/<t\d+>/g))
      read.set(text, (read.get(text) ?? 0) + 1);
  }
  const commands = new Set(
    platform.confirmed.filter(({ text }) => text?.startsWith('/')).map(({ key }) => String(key)),
  );
  for (const { key, state, reason, turn } of events) {
    say(state === 'answered' || state === 'declined', `event ${key} is ${state}`);
    if (commands.has(key)) {
      say(reason === 'command' || reason === 'stopped', `command ${key} ended ${state} ${reason}`);
      continue;
    }
    const times = read.get(`<${key}>`) ?? 0;
    // /stop also drops texts that the stopped turn had read; a turn of too many kills is given up without its texts.
    const least = state === 'answered' && reason !== 'failed' ? 1 : 0;
    const most = state === 'answered' || reason === 'stopped' ? 1 : 0;
    say(times >= least && times <= most, `text of ${key} (${state} ${reason}) was recorded ${times} times`);
    if (state === 'answered' && reason !== 'interrupted')
      say(written.has(`${turn}:0`), `turn ${turn} has no answer for ${key}`);
  }

  const shown = Map.groupBy(platform.shown, ({ part }) => part);
  for (const key of shown.keys()) say(written.has(key), `part ${key} is visible and has no row`);
  for (const { key, state, mark } of rows) {
    const times = shown.get(key)?.length ?? 0;
    if (state === 'sent') {
      say(times >= 1, `part ${key} is sent and not visible`);
      say(times === 1 || mark === 'maybe_doubled', `part ${key} is visible ${times} times and not marked`);
    } else {
      say(state === 'dead', `part ${key} is ${state}`);
      say(times === 0 || mark !== null, `part ${key} is dead, unmarked and visible`);
    }
  }
  const order = new Map(rows.map(({ key }, index) => [key, index]));
  for (const [chat, all] of Map.groupBy(platform.shown, (each) => each.chat)) {
    const first = [...new Set(all.map(({ part }) => order.get(part) ?? -1))];
    const sorted = first.toSorted((a, b) => a - b);
    say(JSON.stringify(first) === JSON.stringify(sorted), `parts of chat ${chat} left out of order`);
  }
  return wrong;
}
