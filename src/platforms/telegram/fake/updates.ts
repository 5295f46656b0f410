/** The queue of updates: confirmed by offset when polled, by 200 when pushed. */
import { Refusal } from './chats.ts';

export interface QueuedUpdate {
  readonly id: number;
  /** JSON text of the whole update, exactly as injected. */
  readonly raw: string;
}

interface Poll {
  finish(answer: readonly QueuedUpdate[] | Refusal): void;
}

interface Webhook {
  readonly url: string;
  readonly secret: string | undefined;
}

/** Kept for `redeliver`, the oldest dropped first. */
const maxHistory = 100_000;

/** Without `allowed_updates` the Bot API leaves these out. */
const onlyOnRequest = new Set(['chat_member', 'message_reaction', 'message_reaction_count']);

export class Updates {
  #queue: QueuedUpdate[] = [];
  /** Repeats of confirmed updates, sent with the next answer. */
  #repeats: QueuedUpdate[] = [];
  readonly #delivered = new Set<QueuedUpdate>();
  #poll: Poll | undefined;
  #allowed: ReadonlySet<string> | undefined;
  #webhook: Webhook | undefined;
  #pushing: Promise<void> | undefined;
  #lastPushError: string | undefined;
  #retry: (() => void) | undefined;
  #closed = false;
  nextId: number;
  readonly #pushRetryMs: number;

  constructor(firstId: number, pushRetryMs: number) {
    this.nextId = firstId;
    this.#pushRetryMs = pushRetryMs;
  }

  /** Pending updates: not yet confirmed. */
  get pending(): number {
    return this.#queue.length;
  }

  add(update: QueuedUpdate, type: string): void {
    this.nextId = Math.max(this.nextId, update.id + 1);
    if (this.#allowed ? !this.#allowed.has(type) : onlyOnRequest.has(type)) return;
    this.#queue.push(update);
    this.#wake();
  }

  /** Delivers everything that was ever delivered once more, as after a lost confirmation. */
  redeliver(): void {
    this.#repeats.push(...this.#delivered);
    this.#wake();
  }

  allow(types: unknown): void {
    if (!Array.isArray(types)) return;
    this.#allowed = types.length === 0 ? undefined : new Set(types.map(String));
  }

  /** Resolves with the updates from `offset` on, after at most `timeoutMs`; rejects with 409 like the Bot API. */
  get(
    params: { readonly offset: number | undefined; readonly limit: number; readonly timeoutMs: number },
    gone: AbortSignal,
  ): Promise<readonly QueuedUpdate[]> {
    if (this.#webhook)
      throw new Refusal(
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
      );
    const conflict =
      'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running';
    // The newer request wins, the older one is told.
    this.#poll?.finish(new Refusal(409, conflict));
    this.#confirm(params.offset);
    const ready = this.#take(params.limit);
    if (ready.length > 0 || params.timeoutMs <= 0) return Promise.resolve(ready);
    return new Promise((resolve, reject) => {
      const finish: Poll['finish'] = (answer) => {
        clearTimeout(timer);
        gone.removeEventListener('abort', leave);
        this.#poll = undefined;
        if (answer instanceof Refusal) reject(answer);
        else resolve(answer);
      };
      const leave = () => finish([]);
      const timer = setTimeout(() => finish(this.#take(params.limit)), params.timeoutMs);
      gone.addEventListener('abort', leave, { once: true });
      this.#poll = {
        finish: (answer) => finish(answer instanceof Refusal ? answer : this.#take(params.limit)),
      };
    });
  }

  #confirm(offset: number | undefined): void {
    if (offset === undefined || offset === 0) return;
    // A negative offset counts from the end of the queue.
    if (offset < 0) this.#queue = this.#queue.slice(offset);
    else this.#queue = this.#queue.filter((update) => update.id >= offset);
  }

  #take(limit: number): readonly QueuedUpdate[] {
    const taken = [...this.#repeats.splice(0, limit), ...this.#queue].slice(0, limit);
    this.#remember(taken);
    return taken;
  }

  #remember(updates: readonly QueuedUpdate[]): void {
    for (const update of updates) this.#delivered.add(update);
    for (const oldest of this.#delivered) {
      if (this.#delivered.size <= maxHistory) return;
      this.#delivered.delete(oldest);
    }
  }

  #wake(): void {
    this.#poll?.finish([]);
    if (this.#webhook) this.#push();
  }

  setWebhook(webhook: Webhook | undefined, dropPending: boolean): void {
    this.#webhook = webhook;
    if (dropPending) this.#queue = [];
    this.#lastPushError = undefined;
    if (webhook) {
      const conflict = 'Conflict: terminated by setWebhook request';
      this.#poll?.finish(new Refusal(409, conflict));
      this.#push();
    }
  }

  webhookInfo(): Readonly<Record<string, unknown>> {
    return {
      url: this.#webhook?.url ?? '',
      has_custom_certificate: false,
      pending_update_count: this.#queue.length,
      ...(this.#lastPushError === undefined ? {} : { last_error_message: this.#lastPushError }),
    };
  }

  #push(): void {
    this.#retry?.();
    this.#pushing ??= this.#pushAll().finally(() => {
      this.#pushing = undefined;
    });
  }

  /** One after another; an update is confirmed by 2xx and repeated until then. */
  async #pushAll(): Promise<void> {
    for (;;) {
      const webhook = this.#webhook;
      const isRepeat = this.#repeats.length > 0;
      const update = isRepeat ? this.#repeats[0] : this.#queue[0];
      if (webhook === undefined || update === undefined || this.#closed) return;
      if (await this.#pushOne(webhook, update)) {
        this.#remember([update]);
        if (isRepeat) this.#repeats.shift();
        else this.#queue = this.#queue.filter((queued) => queued !== update);
        continue;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#pushRetryMs);
        this.#retry = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#retry = undefined;
    }
  }

  async #pushOne(webhook: Webhook, update: QueuedUpdate): Promise<boolean> {
    try {
      const response = await fetch(webhook.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(webhook.secret === undefined ? {} : { 'x-telegram-bot-api-secret-token': webhook.secret }),
        },
        body: update.raw,
        redirect: 'manual',
        signal: AbortSignal.timeout(10_000),
      });
      await response.body?.cancel();
      if (response.ok) return true;
      this.#lastPushError = `Wrong response from the webhook: ${response.status}`;
    } catch {
      this.#lastPushError = 'Connection failed';
    }
    return false;
  }

  close(): void {
    this.#closed = true;
    this.#webhook = undefined;
    this.#retry?.();
    this.#poll?.finish([]);
  }
}
