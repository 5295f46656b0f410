/** Responses of one credential as they are kept, and what is made of those whose process is gone. */
import type { Clock } from '../../core/clock.ts';
import { brand, type TurnId } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import { type Content, type Message, noUsage } from '../../core/message.ts';
import { ResponseEncoder } from './encode.ts';
import type { Item } from './items.ts';
import { historyAfter } from './replay.ts';
import type { ResponseObject } from './resource.ts';
import type { ResponseRow, ResponseStore } from './store.ts';
import type { ToolItems } from './tool-items.ts';

/** Account of these turns in the store, and the tag of their sessions. */
export const source = 'api_server';

/** One kept response: what clients get, and what its successors and a later process need. */
export interface Kept {
  readonly response: ResponseObject;
  readonly items: readonly Item[];
  /** What the turn answers, the last message of the history until the turn has ended; '' = nothing new was said. */
  readonly input: Content;
  /** What the next response of the chain starts from. */
  readonly history: readonly Message[];
  readonly session: string;
  /** The session has a history of its own, of which `history` is the last part. */
  readonly isKeyed?: true;
  readonly how: Manner;
  /** JSON of every event, when the stream may be read again. */
  readonly events?: readonly string[];
  /** The events are not the ones that were sent: a later process has told them from the record of the turn. */
  readonly isRetold?: true;
}

/** How the response was asked to be shown. */
export interface Manner {
  readonly toolItems: ToolItems;
  readonly reasoning: boolean;
  readonly streamed: boolean;
  /** Said when the agent said nothing. */
  readonly nothing?: string;
  /** An `error` event stands before `response.failed`. */
  readonly errorEvent: boolean;
  /** Said before anything happens; part of `warnings`. */
  readonly notes?: readonly string[];
}

export interface ArchiveDeps {
  readonly store: ResponseStore;
  readonly clock: Clock;
  readonly log: Log;
  /** True while this process makes the response. */
  isLive(id: string): boolean;
  /** True when a client has asked for its end. */
  isCancelled(id: string): boolean;
}

/** Where a chain is looked up. */
export interface Chain {
  find(id: string): Promise<Kept | undefined>;
  newest(conversation: string): Promise<string | undefined>;
}

/** The history of a snapshot before its turn has produced anything (api-server §7.4). */
export function firstHistory(prior: readonly Message[], input: Content): readonly Message[] {
  return input === '' ? prior : [...prior, { role: 'user', content: input }];
}

const beforeInput = ({ history, input }: Kept) => (input === '' ? history : history.slice(0, -1));

export class Archive implements Chain {
  readonly #deps: ArchiveDeps;
  readonly #scope: string;

  constructor(deps: ArchiveDeps, scope: string) {
    this.#deps = deps;
    this.#scope = scope;
  }

  async find(id: string): Promise<Kept | undefined> {
    const { store, isLive } = this.#deps;
    const wasLive = isLive(id);
    let row = await store.get(this.#scope, id);
    // It ended while it was looked up, and the row is from before its end.
    if (wasLive && row?.state === 'open' && !isLive(id)) row = await store.get(this.#scope, id);
    return row && readRow(this.#deps, row);
  }

  /** The turn of a response that an earlier process began, while it waits or runs. */
  async openTurn(id: string): Promise<TurnId | undefined> {
    const { store } = this.#deps;
    const row = await store.get(this.#scope, id);
    const turn = row?.state === 'open' ? await store.turn(source, row.turnKey) : undefined;
    return turn?.kind === 'open' ? brand<TurnId>(turn.turn) : undefined;
  }

  newest(conversation: string): Promise<string | undefined> {
    return this.#deps.store.newest(this.#scope, conversation);
  }

  create(kept: Kept, turnKey: string, conversation: string | undefined): Promise<void> {
    const { id } = kept.response;
    const body = JSON.stringify(kept);
    return this.#deps.store.create({ id, scope: this.#scope, turnKey, conversation, body });
  }

  /** Never rejects: what cannot be taken back ends as incomplete at the next start. */
  async discard(id: string, previous: string | undefined): Promise<void> {
    const { store, log } = this.#deps;
    await store
      .discard(id, previous)
      .catch((error: unknown) =>
        log('error', 'api.response_not_discarded', { response: id, error: String(error) }),
      );
  }

  /** Never rejects: the answer stands also when its snapshot cannot be written; the log has the reason. */
  async end(kept: Kept): Promise<void> {
    const { store, log } = this.#deps;
    const { id } = kept.response;
    await store
      .end(id, JSON.stringify(kept))
      .catch((error: unknown) =>
        log('error', 'api.response_not_kept', { response: id, error: String(error) }),
      );
  }

  delete(id: string): Promise<boolean> {
    return this.#deps.store.delete(this.#scope, id);
  }
}

/** Gives every response that an earlier process left open its last snapshot, where that can be known. */
export async function closeLeftovers(deps: ArchiveDeps): Promise<void> {
  for (const row of await deps.store.open()) await readRow(deps, row);
}

async function readRow(
  deps: ArchiveDeps,
  row: ResponseRow & { readonly scope?: string },
): Promise<Kept | undefined> {
  let kept: Kept;
  try {
    kept = JSON.parse(row.body) as Kept;
  } catch {
    deps.log('error', 'api.response_unreadable', { response: row.id });
    await deps.store.discard(row.id, undefined);
    return undefined;
  }
  if (row.state === 'ended' || deps.isLive(row.id)) return kept;
  return closeLeftover(deps, row, kept);
}

/** A turn that survived its process is told from its record; all others were interrupted. */
async function closeLeftover(deps: ArchiveDeps, row: ResponseRow, kept: Kept): Promise<Kept> {
  const { store, clock } = deps;
  const turn = await store.turn(source, row.turnKey);
  // Taken up by this process or still to be: the next reader asks again.
  if (turn.kind === 'open' && kept.response.background) return kept;
  const result =
    turn.kind === 'ended'
      ? turn.result
      : {
          status: 'interrupted' as const,
          text: '',
          messages: [],
          usage: noUsage,
          model: '',
          provider: '',
          modelCalls: 0,
          exit: 'interrupted',
        };
  const { output: _none, ...echo } = kept.response;
  const encoder = new ResponseEncoder({
    echo,
    ...kept.how,
    clientTools: new Set(echo.tools.map((tool) => tool.name)),
  });
  const end = { cancelled: deps.isCancelled(row.id), at: Math.floor(clock.now() / 1000) };
  const events = [...encoder.open(), ...encoder.finish(result, end)];
  const ended: Kept = {
    ...kept,
    response: encoder.response,
    history: historyAfter(beforeInput(kept), kept.input, result, {
      text: '',
      ids: encoder.clientIds,
      isRepeat: false,
    }),
    ...(kept.events === undefined
      ? {}
      : { events: events.map((event) => JSON.stringify(event)), isRetold: true }),
  };
  await store.end(row.id, JSON.stringify(ended));
  return ended;
}
