import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type TestHome, testHome } from '../config/testing.ts';
import { provenBy } from '../platforms/webhook/schemes.ts';
import { main } from './main.ts';
import { knownPlatforms } from './platforms.ts';
import { testHost } from './testing.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

const hermes = async (
  args: readonly string[],
  env: Readonly<Record<string, string>> = { WEBHOOK_ENABLED: 'true' },
) => {
  const host = testHost({ home: home.path, env, platforms: await knownPlatforms() });
  const code = await main(['webhook', ...args], host);
  return { code, out: host.out(), err: host.err() };
};
const file = () => join(home.path, 'webhook_subscriptions.json');
const stored = () => JSON.parse(readFileSync(file(), 'utf8')) as Record<string, Record<string, unknown>>;

describe('hermes webhook subscribe', () => {
  it('makes a route with a secret of its own, for this user alone, and says how to use it', async () => {
    const { code, out } = await hermes([
      'subscribe',
      'GitHub Issues',
      '--events',
      'issues, push',
      '--prompt',
      'x'.repeat(90),
    ]);
    expect(code).toBe(0);
    const entry = stored()['github-issues']!;
    expect(entry).toMatchObject({
      description: 'Agent-created subscription: github-issues',
      events: ['issues', 'push'],
      deliver: 'log',
      secret: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(out.split('\n')).toEqual([
      '  Created webhook subscription: github-issues',
      '  URL:    http://localhost:8644/webhooks/github-issues',
      '  Profile: default',
      `  Secret: ${entry['secret']}`,
      '  Events: issues, push',
      '  Deliver: log',
      `  Prompt: ${'x'.repeat(80)}…`,
      '',
      '  Configure your service to POST to the URL above.',
      '  Use the secret for HMAC-SHA256 signature validation.',
      '  The gateway must be running to receive events (hermes gateway run).',
      '',
    ]);
  });

  it('changes a route without changing its secret', async () => {
    await hermes(['add', 'a', '--events', 'push', '--deliver', 'telegram', '--deliver-chat-id', '-100']);
    const { secret, deliver_extra } = stored()['a']!;
    expect(deliver_extra).toEqual({ chat_id: '-100' });
    const { out } = await hermes([
      'subscribe',
      'a',
      '--deliver',
      'telegram',
      '--deliver-only',
      '--prompt',
      'Hi',
    ]);
    expect(out).toContain('Updated webhook subscription: a');
    expect(out).toContain('  Mode: direct delivery (no agent, zero LLM cost)\n  Message: Hi\n');
    expect(stored()['a']).toMatchObject({ secret, events: [], deliver_only: true });
    expect(stored()['a']).not.toHaveProperty('deliver_extra');
  });

  it('refuses what would not work, and says what to change', async () => {
    const refusals: readonly (readonly [readonly string[], string])[] = [
      [['-x y/z'], ''],
      [['Ünfug'], "Invalid name 'Ünfug'. Use lowercase alphanumeric with hyphens/underscores."],
      [['_a'], "Invalid name '_a'."],
      [['a', '--deliver-only'], "Set 'deliver' to a platform"],
      [['a', '--retry-on-script-failure'], 'needs --script'],
      [['a', '--cron-job', 'x'], 'leave out --cron-job'],
      [['a', '--cron-job', 'x', '--deliver-only'], 'exclude each other'],
      [['a', '--route-profile', 'nobody'], "no profile 'nobody'"],
      [['a', '--secret', 'INSECURE_NO_AUTH'], 'host to 127.0.0.1'],
    ];
    for (const [args, why] of refusals) {
      const { code, err } = await hermes(['subscribe', ...args]);
      expect(code, args.join(' ')).toBe(2);
      expect(err).toContain(why);
    }
    expect(() => stored()).toThrow();
  });

  it('names a script and what its failure means, and the list shows it', async () => {
    const { code } = await hermes(['subscribe', 'a', '--script', 'triage.py', '--retry-on-script-failure']);
    expect(code).toBe(0);
    expect(stored()['a']).toMatchObject({ script: 'triage.py', retry_on_script_failure: true });
    expect((await hermes(['list'])).out).toContain('    Script:  triage.py\n');
    await hermes(['subscribe', 'a']);
    expect(stored()['a']).not.toHaveProperty('script');
  });

  it('leaves a file that cannot be read as it is', async () => {
    writeFileSync(file(), '{"a":');
    for (const args of [['subscribe', 'b'], ['list'], ['remove', 'a']]) {
      const { code, err } = await hermes(args);
      expect(code).toBe(1);
      expect(err).toContain('Correct the file, or move it away');
    }
    expect(readFileSync(file(), 'utf8')).toBe('{"a":');
  });

  it('tells of a route in config.yaml that hides the new one, and of what is not there yet', async () => {
    home.write(
      'config.yaml',
      'platforms: {webhook: {enabled: true, extra: {host: "::1", port: 9000, secret: xyzzy, routes: {a: {}}}}}',
    );
    const { out } = await hermes(['subscribe', 'a', '--skills', 'review', '--mirror-to-session'], {});
    expect(out).toContain("config.yaml has a route 'a' as well, which wins");
    expect(out).toContain('skills are kept, but not available');
    expect(out).toContain('mirror_to_session is kept, but not available');
    expect(out).toContain('http://[::1]:9000/webhooks/a');
    expect(stored()['a']).toMatchObject({ skills: ['review'], mirror_to_session: true });
  });
});

it('hermes webhook without an action says which there are', async () => {
  const { out } = await hermes([]);
  expect(out).toBe(
    "Usage: hermes webhook {subscribe|list|remove|test}\nRun 'hermes webhook --help' for details.\n",
  );
});

it('every action of a gateway without webhooks says how to switch them on', async () => {
  for (const args of [['subscribe', 'a'], ['list'], ['remove', 'a'], ['test', 'a']]) {
    const { code, out } = await hermes(args, {});
    expect(code).toBe(1);
    expect(out).toContain('hermes config set WEBHOOK_ENABLED true');
  }
});

describe('hermes webhook list and remove', () => {
  it('show what there is, without secrets', async () => {
    expect((await hermes(['list'])).out).toBe(
      '  No dynamic webhook subscriptions.\n  Create one with: hermes webhook subscribe <name>\n',
    );
    await hermes(['subscribe', 'a', '--deliver', 'telegram', '--deliver-only', '--description', 'Alarms']);
    const { out } = await hermes(['ls']);
    expect(out).toContain('  1 webhook subscription(s):\n');
    expect(out).toContain('  ◆ a\n    Alarms\n');
    expect(out).toContain('Events:  (all)\n    Deliver: telegram (direct — no agent)\n');
    expect(out).not.toContain(String(stored()['a']!['secret']));
  });

  it('end a subscription, and know what is none', async () => {
    await hermes(['subscribe', 'a']);
    expect((await hermes(['rm', 'A'])).out).toBe('  Removed webhook subscription: a\n');
    expect(stored()).toEqual({});
    const { code, out } = await hermes(['remove', 'a']);
    expect(code).toBe(1);
    expect(out).toBe(
      "  No subscription named 'a'.\n  Note: Static routes from config.yaml cannot be removed here.\n",
    );
  });
});

describe('hermes webhook test', () => {
  it('posts a signed event of a kind the route takes, and shows the answer', async () => {
    const seen: { request: IncomingMessage; body: string }[] = [];
    const server = createServer(async (request, response) => {
      seen.push({ request, body: await text(request) });
      response.writeHead(202).end('{"status":"accepted"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const env = { WEBHOOK_ENABLED: 'true', WEBHOOK_PORT: String((server.address() as AddressInfo).port) };
    home.write('config.yaml', 'platforms: {webhook: {host: 127.0.0.1}}');
    try {
      await hermes(['subscribe', 'a', '--secret', 'of-the-sender', '--events', 'issues,push'], env);
      const { code, out } = await hermes(['test', 'a', '--payload', '{"n":1}'], env);
      expect(code).toBe(0);
      expect(out).toContain("sending 'issues'");
      expect(out).toContain('  Response (202): {"status":"accepted"}');
      const [{ request, body }] = seen as [(typeof seen)[number]];
      expect([request.url, request.headers['x-github-event'], body]).toEqual([
        '/webhooks/a',
        'issues',
        '{"n":1}',
      ]);
      const headers = new Map(Object.entries(request.headers as Record<string, string>));
      expect(provenBy({ headers, body: Buffer.from(body) }, 'of-the-sender', Date.now())).toBe('github');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    const gone = await hermes(['test', 'a'], env);
    expect(gone.code).toBe(1);
    expect(gone.out).toContain('  Is the gateway running? (hermes gateway run)');
  });

  it('knows no other routes and takes only JSON', async () => {
    expect((await hermes(['test', 'none'])).code).toBe(1);
    await hermes(['subscribe', 'a']);
    expect((await hermes(['test', 'a', '--payload', '{a}'])).err).toContain('--payload is not JSON');
  });
});
