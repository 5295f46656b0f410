import { expect, test } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { Archive, type Kept } from './archive.ts';
import { memoryStore } from './memory-store.ts';

test('a response that ends while it is looked up is the one that was kept, not one made up for a lost process', async () => {
  const store = memoryStore();
  const kept = (status: string) =>
    ({ response: { id: 'resp_1', status, background: false } }) as unknown as Kept;
  let isLive = true;
  const archive = new Archive(
    {
      store: {
        ...store,
        async get(scope, id) {
          const before = await store.get(scope, id);
          // The end comes between the row and the question who works on it.
          if (isLive) {
            isLive = false;
            await store.end(id, JSON.stringify(kept('completed')));
          }
          return before;
        },
      },
      clock: systemClock,
      log: silentLog,
      isLive: () => isLive,
      isCancelled: () => false,
    },
    'me',
  );
  await archive.create(kept('in_progress'), 'key', undefined);
  expect((await archive.find('resp_1'))?.response.status).toBe('completed');
});
