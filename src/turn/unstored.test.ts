import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { getTurn } from '../store/queries/turn.ts';
import type { Store } from '../store/store.ts';
import { testFolder, testStore } from '../store/testing.ts';
import type { TurnRequest } from './contract.ts';
import { engineOn, request as requestOf, until } from './testing.ts';

let folder: string;
let store: Store;
beforeEach(() => {
  folder = testFolder();
  store = testStore(systemClock, folder);
});

const page = { type: 'image_url', image_url: { url: 'data:image/png;base64,UEFHRS1PRi1BLUZJTEU=' } } as const;
const request = (more: Partial<TurnRequest> = {}) =>
  requestOf('k1', {
    ephemeralSystem: 'be brief',
    unstored: { system: 'TEXT-OF-A-FILE', parts: [page] },
    ...more,
  });

it('reaches the agent, behind the system text of the caller, and no file of the store', async () => {
  const { engine, runs } = engineOn(store);
  const handle = await engine.submit(request());
  const { run, finish } = await until(() => runs[0]);
  expect(run.ephemeralSystem).toBe('be brief\n\nTEXT-OF-A-FILE');
  expect(run.attachments).toEqual([page]);
  expect(run.input).toBe('hello');
  const stored = () =>
    readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'latin1'))
      .join('');
  expect(stored()).toContain('be brief');
  finish();
  await handle.result;
  for (const trace of ['TEXT-OF-A-FILE', 'UEFHRS1PRi1BLUZJTEU']) expect(stored()).not.toContain(trace);
});

it('is never missed silently: a turn that is taken up without it fails and says what to do', async () => {
  const before = engineOn(store);
  await before.engine.submit(request({ consumer: 'chat' }));
  const { turn } = (await until(() => before.runs[0])).run;
  const after = engineOn(store);
  await after.engine.recover();
  const row = await until(async () => {
    const found = await store.read.get(getTurn, { id: turn });
    return found?.state !== 'running' && found;
  });
  expect(row.state).toBe('failed');
  expect(row.error).toContain('CONTENT_GONE');
  expect(row.error).toContain('Send the request again.');
  expect(after.runs).toEqual([]);
});
