/** What a killed gateway left behind is taken up again: how long until the first chat notices. */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { insertInbound } from '../../src/store/queries/inbound.ts';
import { insertPart } from '../../src/store/queries/part.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import type { Measured, OpenExperiment } from '../lib/experiment.ts';

const waiting = 10_000;
const openParts = 1_000;
const firstChat = 100_000;
const withinMs = 60_000;

export const open: OpenExperiment = async (lab) => ({
  subjects: ['ours', 'pass-through'],
  async round(subject): Promise<Measured> {
    const upstream = await lab.far.run('instant', { text: 'Yes.' });
    if (subject === 'pass-through') {
      const pass = await lab.passThrough(upstream);
      await pass.stop();
      return { values: { first: pass.startMs } };
    }
    await lab.far.run('endTelegram', undefined);
    const telegram = await lab.far.run('telegram', undefined);
    await lab.far.run('knownChats', { from: firstChat, count: waiting + openParts });
    const home = await lab.home(upstream, { telegram });
    await leaveBehind(home.path, `telegram:${telegram.token.split(':')[0]}`);
    const spawned = Date.now();
    const running = await lab.gateway(home);
    const deadline = Date.now() + withinMs;
    for (;;) {
      const sent = await lab.far.run('firstSent', undefined);
      if (sent !== undefined) {
        await running.stop();
        return { values: { first: sent - spawned } };
      }
      if (Date.now() > deadline) throw new Error('nothing was delivered');
      await delay(20);
    }
  },
});

/** The rows a kill in the middle of the work leaves. */
async function leaveBehind(home: string, account: string): Promise<void> {
  const store = openSqlite({ file: join(home, 'gateway.db'), clock: systemClock, log: silentLog });
  const now = systemClock.now();
  await store.write(async (tx) => {
    for (let index = 0; index < waiting; index += 1) {
      const chat = String(firstChat + index);
      const event = {
        at: { chat },
        kind: 'message',
        scope: 'dm',
        from: { id: chat, name: 'Ann', isBot: false, isSelf: false },
        message: '1',
        text: `Are you there? ${index}`,
      };
      await tx.get(insertInbound, {
        account,
        key: `left:${index}`,
        trace: 'bench',
        state: 'pending',
        reason: null,
        session_key: `agent:main:telegram:dm:${chat}`,
        turn: null,
        consumer: 'chat',
        ready_at: now,
        body: JSON.stringify({ type: 'chat', platform: 'telegram', event, shared: false }),
        raw: '',
        created_at: now,
      });
    }
    for (let index = 0; index < openParts; index += 1) {
      const text = `Answer ${index}`;
      await tx.run(insertPart, {
        key: `left:${index}`,
        account,
        chat: String(firstChat + waiting + index),
        thread: null,
        turn: null,
        trace: 'bench',
        class: 'reply',
        op: JSON.stringify({ kind: 'send', body: { text, plain: text } }),
        now,
      });
    }
  });
  await store.close();
}
