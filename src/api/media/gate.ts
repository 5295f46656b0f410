/** Lets so many in at once; the next ones wait in the order they came, up to a limit. */
export interface Gate {
  /** Resolves with the way out. Throws the signal's reason after an abort, and what `full` makes at the limit. */
  enter(signal: AbortSignal): Promise<() => void>;
}

export function openGate(atOnce: number, waiting: number, full: () => Error): Gate {
  let inside = 0;
  const queue = new Set<() => void>();
  const leave = () => {
    inside -= 1;
    const next = queue.values().next().value;
    if (next !== undefined) next();
  };
  const once = () => {
    let isOut = false;
    return () => {
      if (isOut) return;
      isOut = true;
      leave();
    };
  };
  return {
    async enter(signal) {
      signal.throwIfAborted();
      if (inside >= atOnce) {
        if (queue.size >= waiting) throw full();
        await new Promise<void>((resolve, reject) => {
          const go = () => {
            queue.delete(go);
            signal.removeEventListener('abort', abort);
            // Taken at once, so that nobody who comes later can.
            inside += 1;
            resolve();
          };
          const abort = () => {
            queue.delete(go);
            reject(signal.reason);
          };
          queue.add(go);
          signal.addEventListener('abort', abort, { once: true });
        });
        return once();
      }
      inside += 1;
      return once();
    },
  };
}
