/** Pushed events: verified before they are read, confirmed only when they are stored. */
import assert from 'node:assert/strict';
import type { Inbound } from '../../src/core/inbound.ts';
import type { RawReply, RawRequest } from '../../src/platforms/contract.ts';
import { type Bench, type Connection, chatsOf, onBench } from './bench.ts';
import type { Conformance, Push } from './descriptor.ts';
import type { Item } from './items.ts';
import { mutations } from './mutate.ts';

const notFor: NonNullable<Item['notFor']> = ({ push }) =>
  push === undefined ? 'nothing is pushed to this platform' : undefined;

export const pushItems: Readonly<Record<string, Item>> = {
  'push.confirmed': {
    says: 'a pushed event is confirmed after it was stored, and has the same key when it is pushed again',
    notFor,
    check: (of) => {
      let stored = false;
      const accept = async () => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        stored = true;
      };
      return onPush(of, accept, async (pushed, { request }, connection) => {
        const first = await pushed(request(event(of, 1)));
        assert.ok(isConfirmed(first), `answered ${first.status}`);
        assert.ok(stored, 'confirmed before it was stored');
        assert.ok(isConfirmed(await pushed(request(event(of, 1)))));
        const keys = connection.accepted.map(({ key }) => key);
        assert.equal(keys.length, 2);
        assert.equal(keys[0], keys[1], 'the key changed');
      });
    },
  },
  'push.store-fails': {
    says: 'a pushed event that could not be stored is not confirmed',
    notFor,
    check: (of) =>
      onPush(
        of,
        () => Promise.reject(new Error('disk full')),
        async (pushed, { request }) => {
          const reply = await pushed(request(event(of, 1))).catch((): RawReply => ({ status: 500 }));
          assert.ok(!isConfirmed(reply), `answered ${reply.status}`);
        },
      ),
  },
  'push.forged': {
    says: 'a request that is not signed, wrongly signed or replayed is refused before it is read',
    notFor,
    check: (of) =>
      onPush(of, undefined, async (pushed, { forged }, connection) => {
        assert.ok('wrong' in forged && 'missing' in forged, 'forged needs at least: wrong, missing');
        for (const [name, forge] of Object.entries(forged)) {
          const request = forge(event(of, 1));
          const unreadable = { ...request, body: Buffer.from('{"never parsed') };
          for (const each of [request, unreadable]) {
            const { status } = await pushed(each);
            assert.ok(status === 401 || status === 403, `${name}: answered ${status}`);
          }
        }
        assert.deepEqual(connection.accepted, []);
      }),
  },
  'push.damage': {
    says: 'a signed request with a damaged frame is answered and stops nothing',
    notFor,
    check: (of) =>
      onPush(of, undefined, async (pushed, { request }, connection) => {
        for (const bad of mutations(event(of, 1), 200, 7)) {
          const { status } = await pushed(request(bad));
          assert.ok(
            status >= 200 && status < 500,
            `answered ${status} to ${JSON.stringify(bad).slice(0, 300)}`,
          );
        }
        const before = connection.accepted.length;
        assert.ok(isConfirmed(await pushed(request(event(of, 2)))));
        assert.equal(connection.accepted.length, before + 1);
      }),
  },
};

type Pushed = (request: RawRequest) => Promise<RawReply>;

function onPush<C>(
  of: Conformance<C>,
  accept: ((events: readonly Inbound[]) => Promise<void>) | undefined,
  use: (pushed: Pushed, push: Push, connection: Connection) => Promise<void>,
): Promise<void> {
  const { push } = of;
  assert.ok(push !== undefined);
  return onBench(
    of,
    async (bench: Bench) => {
      const connection = bench.connect(accept === undefined ? {} : { accept });
      await connection.connected();
      const { adapter } = bench;
      assert.ok(adapter.webhook !== undefined, 'the adapter has no webhook');
      await use((request) => adapter.webhook!(request, connection.intake), push, connection);
    },
    push.config,
  );
}

function isConfirmed({ status }: RawReply): boolean {
  return status >= 200 && status < 300;
}

function event<C>(of: Conformance<C>, n: number): object {
  return of.message({ chat: chatsOf(of)[0], n, text: `pushed ${n}` });
}
