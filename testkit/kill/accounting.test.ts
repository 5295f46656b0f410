import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { insertPart, settlePart } from '../../src/store/queries/part.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import { putInbound } from '../../src/store/testing.ts';
import { account } from './accounting.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'accounting-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

interface Scene {
  readonly inbounds?: readonly string[];
  readonly parts?: readonly { readonly text: string; readonly mark?: 'maybe_doubled' }[];
  readonly shown?: readonly string[];
  readonly ran?: string;
}

/** One person, u1, wrote `u1-0`; the scene says what became of it. */
async function wrongIn(scene: Scene): Promise<readonly string[]> {
  const store = openSqlite({ file: join(home, 'gateway.db'), clock: systemClock, log: silentLog });
  for (const [index, state] of (scene.inbounds ?? ['answered']).entries()) {
    const ended = state === 'answered' || state === 'failed' ? state : undefined;
    await putInbound(store, { account: 'telegram:1', key: `k${index}` }, ended);
  }
  for (const [index, { text, mark }] of (scene.parts ?? [{ text: 'echo: u1-0' }]).entries()) {
    await store.write(async (tx) => {
      const op = JSON.stringify({ kind: 'send', body: { text, plain: text } });
      await tx.run(insertPart, {
        key: `p${index}`,
        account: 'telegram:1',
        chat: '1',
        thread: null,
        turn: null,
        trace: 't',
        class: 'reply',
        op,
        now: 0,
      });
      await tx.run(settlePart, {
        id: index + 1,
        state: 'sent',
        message: 'm',
        why: null,
        mark: mark ?? null,
        now: 0,
      });
    });
  }
  await store.close();
  if (scene.ran !== undefined) writeFileSync(join(home, 'ran.txt'), scene.ran);
  const visible = (scene.shown ?? ['echo: u1-0']).map((text) => ({ chat: '1', text }));
  const programs = { answered: new Map(), asked: [], stop: async () => {} };
  const nobody = { asked: [], seen: [], wrong: [], stop: async () => {} };
  const asking = { programs, runs: nobody, polled: nobody, streamed: nobody };
  return account(home, { visible, chats: [{ who: '1', text: 'u1-0' }], pushed: [], ...asking }).wrong;
}

describe('the accounting', () => {
  it('is content when everything adds up', async () => {
    expect(await wrongIn({})).toEqual([]);
  });

  it.each<[string, Scene, RegExp]>([
    ['a message that was never stored', { inbounds: [] }, /1 messages were sent, 0 accepted/],
    ['a message that never ended', { inbounds: ['pending'] }, /never ended/],
    ['a failed message', { inbounds: ['failed'] }, /failed/],
    ['an answer nobody sees', { shown: [] }, /nobody sees it/],
    ['an unmarked double', { shown: ['echo: u1-0', 'echo: u1-0'] }, /visible 2 times and not marked/],
    ['a text without a part', { shown: ['echo: u1-0', 'ghost'] }, /visible without a part/],
    [
      'an answer in another chat',
      { parts: [{ text: 'echo: u2-0' }], shown: ['echo: u2-0'] },
      /chat 1 reads u2-0/,
    ],
    [
      'two different answers to one message',
      { parts: [{ text: 'u1-0 a' }, { text: 'u1-0 b' }], shown: ['u1-0 a', 'u1-0 b'] },
      /answered 2 times/,
    ],
    ['a command that ran twice', { ran: 'u1-0\nu1-0\n' }, /ran more than once/],
    ['a file of a request on the disk', { ran: 'INSIDE-THE-FILE-OF-r0-2' }, /shows what was in the file/],
    ['such a file as it was sent', { ran: btoa('INSIDE-THE-FILE-OF-r0-2.') }, /shows what was in the file/],
  ])('finds %s', async (_, scene, expected) => {
    expect((await wrongIn(scene)).join('\n')).toMatch(expected);
  });

  it('accepts a double that is marked', async () => {
    const parts = [{ text: 'echo: u1-0', mark: 'maybe_doubled' as const }];
    expect(await wrongIn({ parts, shown: ['echo: u1-0', 'echo: u1-0'] })).toEqual([]);
  });
});
