/** Text that says when it was sent, so that its reader can tell the sender's pauses from those of the way. */

/** Milliseconds of the machine's monotonic clock, which all its processes share. */
export function stamp(): string {
  const ns = process.hrtime.bigint();
  return `@${ns / 1_000_000n}.${String(ns % 1_000_000n).padStart(6, '0')};`;
}

/** All whole stamps of a piece of a stream, and the end that may be the beginning of one. */
export function readStamps(text: string): { readonly stamps: readonly number[]; readonly rest: string } {
  const stamps: number[] = [];
  let used = 0;
  for (const found of text.matchAll(/@(\d+\.\d{6});/g)) {
    stamps.push(Number(found[1]));
    used = found.index + found[0].length;
  }
  const open = text.lastIndexOf('@');
  return { stamps, rest: open >= used ? text.slice(open) : '' };
}
