import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

it('a memory grows up to the ceiling and not beyond', async () => {
  const module = JSON.stringify(new URL('./wasm-cap.ts', import.meta.url).href);
  const worker = new Worker(
    `import(${module}).then(({ capWasm }) => {
      capWasm(4 * 65536);
      const memory = new WebAssembly.Memory({ initial: 1, maximum: 100 });
      memory.grow(3);
      let refused = '';
      try { memory.grow(1); } catch (error) { refused = error.name; }
      require('node:worker_threads').parentPort.postMessage([memory.buffer.byteLength / 65536, refused]);
    })`,
    { eval: true },
  );
  const [found] = await once(worker, 'message');
  expect(found).toEqual([4, 'RangeError']);
  await worker.terminate();
});
