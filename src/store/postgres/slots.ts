/** Hands out a fixed number of slots, first come first served. Taking all of them means running alone. */
export class Slots {
  readonly size: number;
  #free: number;
  readonly #waiting: { readonly need: number; readonly go: () => void }[] = [];

  constructor(size: number) {
    this.size = size;
    this.#free = size;
  }

  /** Runs `work` while holding `need` of the slots. Nobody is overtaken, so a wait for all of them ends. */
  async use<T>(need: number, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length > 0 || this.#free < need) {
      await new Promise<void>((resolve) => this.#waiting.push({ need, go: resolve }));
    } else {
      this.#free -= need;
    }
    try {
      return await work();
    } finally {
      this.#free += need;
      this.#next();
    }
  }

  #next(): void {
    for (
      let head = this.#waiting[0];
      head !== undefined && head.need <= this.#free;
      head = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#free -= head.need;
      head.go();
    }
  }
}
