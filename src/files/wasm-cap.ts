/** A ceiling for WebAssembly memories of this thread. */

interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const pageBytes = 65_536;

/** From now on, growing a memory beyond `maxBytes` throws RangeError, which modules take as "out of memory". */
export function capWasm(maxBytes: number): void {
  const { prototype } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: Memory } } })
    .WebAssembly.Memory;
  const grow = prototype.grow;
  prototype.grow = function (this: Memory, pages: number) {
    if (this.buffer.byteLength + pages * pageBytes > maxBytes) throw new RangeError('memory limit reached');
    return grow.call(this, pages);
  };
}
