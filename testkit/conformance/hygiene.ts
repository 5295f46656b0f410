/** Hygiene: one way to the network, no secret anywhere, a configuration that explains itself. */
import assert from 'node:assert/strict';
import { z } from 'zod';
import { onBench, openBench, say, show, text, until } from './bench.ts';
import type { Conformance } from './descriptor.ts';
import type { Item } from './items.ts';

export const hygieneItems: Readonly<Record<string, Item>> = {
  'hygiene.one-way-out': {
    says: 'every request goes through the given fetch and socket',
    check: (of) =>
      onBench(of, async (bench) => {
        const connection = bench.connect();
        await say(bench, of, 1, 'hello');
        await connection.events(1);
        await bench.deliver(text('answer'));
        await bench.adapter.hint?.(
          { chat: connection.accepted[0]!.at.chat },
          'typing',
          AbortSignal.timeout(1_000),
        );
        await connection.stop();
        await until('no request is on its way', () => bench.fake.calls >= bench.asked.length - 1);
        assert.ok(bench.fake.calls > 0, 'the fake was never called');
        assert.ok(bench.fake.calls <= bench.asked.length, 'the fake was called past the given fetch');
      }),
  },
  'hygiene.quiet-open': {
    says: 'opening an adapter calls nobody',
    check: (of) =>
      onBench(of, async (bench) => {
        assert.deepEqual([bench.asked.length, bench.fake.calls], [0, 0]);
      }),
  },
  'hygiene.secrets': {
    says: 'no secret is in any log line, error or outcome, whatever goes wrong',
    check: async (of) => {
      for (const configure of [of.config, of.wrongCredential]) {
        const bench = await openBench(of, configure);
        const secrets = secretsOf(of, configure(bench.fake));
        assert.ok(
          secrets.length > 0 || of.platform.manifest.secrets.length === 0,
          'the configuration holds no secret',
        );
        const trouble = [
          { kind: 'status', code: 500 },
          { kind: 'status', code: 401 },
          { kind: 'status', code: 404 },
          { kind: 'status', code: 302 },
          { kind: 'garbage' },
          { kind: 'reset' },
        ] as const;
        for (const fault of trouble) {
          for (const on of ['intake', 'delivery'] as const) bench.fake.fault({ ...fault, on, times: 1 });
          const connection = bench.connect();
          await Promise.race([
            connection.ended,
            say(bench, of, 1, 'x').then(() => connection.connected().catch(() => {})),
          ]);
          await bench.deliver(text('x'));
          await connection.stop();
          bench.fake.calm();
        }
        await bench.close();
        const gone = bench.connect();
        await gone.ended;
        await bench.deliver(text('nobody listens'));
        for (const line of bench.said)
          for (const secret of secrets)
            assert.ok(!line.includes(secret), `a secret is in: ${line.replaceAll(secret, '…')}`);
      }
    },
  },
  'hygiene.settings-named': {
    says: 'every environment variable and every secret names a setting',
    check: async (of) => {
      const { config, manifest } = of.platform;
      const known = Object.keys(settingsOf(of));
      const named = [...Object.values(config.env), ...manifest.secrets];
      const strange = named.filter((name) => !known.includes(name.split('.')[0]!));
      assert.deepEqual(strange, [], 'names without a setting');
      const unmapped = manifest.env.enabledBy.filter((name) => !(name in config.env));
      assert.deepEqual(unmapped, [], 'variables that enable the platform but set nothing');
    },
  },
  'hygiene.settings-described': {
    says: 'every setting is described, for the wizard and the docs',
    check: async (of) => {
      const plain = Object.entries(settingsOf(of)).filter(
        ([, setting]) => typeof setting !== 'object' || setting.description === undefined,
      );
      assert.deepEqual(
        plain.map(([name]) => name),
        [],
        'settings without a description',
      );
    },
  },
  'hygiene.settings-problems': {
    says: 'a secret of the wrong form is a problem at its name, which does not repeat it',
    check: async ({ platform: { config, manifest } }) => {
      for (const name of manifest.secrets.filter((path) => !path.includes('.'))) {
        for (const wrong of [['a list'], 'canary with spaces ☃']) {
          const parsed = config.schema.safeParse({ [name]: wrong });
          const issues = parsed.success ? [] : parsed.error.issues.filter(({ path }) => path[0] === name);
          if (typeof wrong !== 'string') assert.ok(issues.length > 0, `${name}: a wrong type passes`);
          for (const { message } of issues) assert.ok(!message.includes(String(wrong)), message);
        }
      }
    },
  },
  'hygiene.manifest': {
    says: 'the manifest is plain data that says what it must',
    check: async ({ platform }) => {
      const { manifest } = platform;
      assert.deepEqual(JSON.parse(JSON.stringify(manifest)), manifest, 'not plain data');
      assert.match(manifest.name, /^[a-z][a-z0-9_]*$/);
      assert.ok(manifest.silenceMs > 0 && manifest.capabilities.text.max > 0);
      for (const { count, perMs } of manifest.limits)
        assert.ok(count > 0 && perMs > 0, show(manifest.limits));
    },
  },
};

function settingsOf<C>({ platform }: Conformance<C>) {
  return z.toJSONSchema(platform.config.schema, { io: 'input', unrepresentable: 'any' }).properties ?? {};
}

/** The values of secret settings, and their longest parts: a token is often cut at its colon. */
function secretsOf<C>(of: Conformance<C>, raw: unknown): string[] {
  const values = of.platform.manifest.secrets.map((name) => readPath(raw, name));
  return values.flatMap((value) => {
    if (typeof value !== 'string' || value.length < 8) return [];
    const longest = value.split(':').toSorted((a, b) => b.length - a.length)[0]!;
    return longest.length >= 8
      ? [value, longest, encodeURIComponent(value)]
      : [value, encodeURIComponent(value)];
  });
}

function readPath(value: unknown, path: string): unknown {
  let at = value;
  for (const name of path.split('.'))
    at = typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined;
  return at;
}
