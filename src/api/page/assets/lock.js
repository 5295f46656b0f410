/** Asking for the key. It is tried before it is used, and it is kept nowhere but in `gateway.js`. */
import { announce, byId, byIdAs } from './dom.js';
import { call, hasKey, Refusal, useKey } from './gateway.js';
import { lasting } from './words.js';

/** The person closed the question. */
export class NotNow extends Error {}

export class Lock {
  #dialog = byIdAs('lock', HTMLDialogElement);
  #input = byIdAs('key', HTMLInputElement);
  #button = byIdAs('unlock', HTMLButtonElement);
  #problem = byId('lock-problem');
  /** @type {{ resolve: () => void, reject: (error: Error) => void }[]} */
  #waiting = [];
  #lockedUntil = 0;
  #timer = 0;
  #opened;

  /** @param {() => void} opened Called whenever a key was accepted. */
  constructor(opened) {
    this.#opened = opened;
    byIdAs('lock-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#try(this.#input.value.trim());
    });
    byId('lock-cancel').addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('close', () => this.#end(new NotNow('The key is needed to go on.')));
  }

  /**
   * Asks until a key is accepted; several callers share one question. Rejects with NotNow.
   * @param {Refusal} [refusal] What was said to the last try.
   * @returns {Promise<void>}
   */
  ask(refusal) {
    const answer = new Promise((resolve, reject) => {
      this.#waiting.push({ resolve: () => resolve(undefined), reject });
    });
    if (!this.#dialog.open) {
      this.#input.value = '';
      this.#explain(undefined);
      this.#dialog.showModal();
      this.#input.focus();
    }
    if (refusal !== undefined && (hasKey() || refusal.status === 429)) this.#explain(refusal);
    return /** @type {Promise<void>} */ (answer);
  }

  /** @param {string} key */
  async #try(key) {
    if (key === '' || this.#button.disabled) return;
    this.#button.disabled = true;
    this.#problem.textContent = '';
    useKey(key);
    try {
      await call('health/detailed', { signal: AbortSignal.timeout(15_000) });
      this.#accept();
    } catch (error) {
      // A key that may chat and not see the state is a good key.
      if (error instanceof Refusal && error.status === 403) return this.#accept();
      useKey(undefined);
      this.#button.disabled = false;
      this.#explain(error);
    }
  }

  #accept() {
    this.#input.value = '';
    this.#button.disabled = false;
    this.#end(undefined);
    this.#dialog.close();
    announce('Unlocked');
    this.#opened();
  }

  /** @param {Error | undefined} error */
  #end(error) {
    clearTimeout(this.#timer);
    this.#input.value = '';
    for (const { resolve, reject } of this.#waiting.splice(0))
      error === undefined ? resolve() : reject(error);
  }

  /** @param {unknown} error */
  #explain(error) {
    clearTimeout(this.#timer);
    const refused = error instanceof Refusal && error.status === 401;
    this.#input.setAttribute('aria-invalid', String(refused));
    if (error === undefined) this.#problem.textContent = '';
    else if (error instanceof Refusal && error.status === 429) {
      this.#lockedUntil = Date.now() + Math.max(error.waitMs, 1_000);
      this.#count();
    } else if (refused) {
      this.#problem.textContent = 'That is not the key of this gateway.';
      this.#input.select();
    } else this.#problem.textContent = 'The gateway does not answer at the moment. Try again.';
  }

  /** A lockout counts down; until then even the right key would be refused. */
  #count() {
    const left = this.#lockedUntil - Date.now();
    this.#button.disabled = left > 0;
    if (left <= 0) {
      this.#problem.textContent = 'You can try again now.';
      return;
    }
    const text = `Too many wrong keys came from your address. Try again in ${lasting(left)}.`;
    if (this.#problem.textContent !== text) this.#problem.textContent = text;
    this.#timer = setTimeout(() => this.#count(), left > 60_000 ? 5_000 : 1_000);
  }
}
