/** What goes wrong on demand, and where. */

export type Place = 'handshake' | 'subscribe' | 'ping' | 'send' | 'upload';

export type WeComFault = {
  readonly on: Place;
  readonly times: number;
  /** Lets so many through first. */
  readonly after?: number;
} & (
  | { readonly kind: 'hang' | 'reset' | 'accept-then-reset' | 'half-body' | 'garbage' }
  /** At a handshake an HTTP status, elsewhere an error code. */
  | { readonly kind: 'status'; readonly code: number; readonly text?: string }
);

export class Faults {
  readonly #waiting: { readonly fault: WeComFault; left: number; spared: number }[] = [];

  add(fault: WeComFault): void {
    this.#waiting.push({ fault, left: fault.times, spared: fault.after ?? 0 });
  }

  take(place: Place): WeComFault | undefined {
    const next = this.#waiting.find(({ fault }) => fault.on === place);
    if (next === undefined) return undefined;
    if (next.spared > 0) {
      next.spared -= 1;
      return undefined;
    }
    next.left -= 1;
    if (next.left <= 0) this.#waiting.splice(this.#waiting.indexOf(next), 1);
    return next.fault;
  }

  clear(): void {
    this.#waiting.splice(0);
  }
}
