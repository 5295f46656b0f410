import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { secret, setUp } from './testing.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'scripts-'));
  mkdirSync(join(home, 'scripts'));
});
afterEach(() => rmSync(home, { recursive: true }));

const write = (name: string, text: string) => {
  writeFileSync(join(home, 'scripts', name), text);
  chmodSync(join(home, 'scripts', name), 0o644);
};
const env = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  GH_TOKEN: 'gh-token-of-the-gateway',
};
const open = (route: object, settings: object = {}) =>
  setUp({ r: { prompt: '{__raw__}', ...route } }, { gh_env: env, ...settings }, { home });
const ignored = { status: 200, body: { status: 'ignored', reason: 'script', route: 'r' } };

describe('the script of a route', () => {
  it('gets the payload and what the event is, and nothing of the gateway', async () => {
    write('see.sh', 'cat > seen; env | sort > environment; echo "{}"');
    const { post } = open({ script: 'see.sh' });
    await post('r', { n: 1 });
    expect(JSON.parse(readFileSync(join(home, 'scripts/seen'), 'utf8'))).toEqual({ n: 1 });
    const seen = readFileSync(join(home, 'scripts/environment'), 'utf8');
    expect(seen).toContain('HERMES_WEBHOOK_EVENT_TYPE=push\n');
    expect(seen).toMatch(/HERMES_WEBHOOK_DELIVERY_ID=\S+\n/);
    expect(seen).toContain(`HERMES_HOME=${home}\n`);
    expect(seen).not.toContain('gh-token-of-the-gateway');
  });

  it('replaces the payload with an object, and adds anything else as script_output', async () => {
    write('object.sh', 'echo \'{"changed": true}\'');
    write('text.mjs', "process.stdout.write('three lines\\nof\\ntext');");
    const object = open({ script: 'object.sh' });
    expect((await object.post('r', { n: 1 })).status).toBe(202);
    expect(object.intake.events[0]?.text).toContain('{\n  "changed": true\n}');
    const text = open({ script: 'text.mjs', prompt: '{n} {script_output}' });
    await text.post('r', { n: 1 });
    expect(text.intake.events[0]?.text).toContain('1 three lines\nof\ntext');
  });

  it('drops an event by saying nothing, or in one of the agreed ways', async () => {
    for (const said of ['', '[SILENT]', '{"[SILENT]": true}', '{"__hermes_ignore__": true}']) {
      write('drop.sh', `printf '%s' '${said}'`);
      const { post, intake } = open({ script: 'drop.sh' });
      expect(await post('r', {}), said).toEqual(ignored);
      expect(intake.events).toEqual([]);
    }
  });

  it('that fails drops the event and says why in the log', async () => {
    const failing: Readonly<Record<string, [string, RegExp]>> = {
      'exit.sh': [`echo "no ${secret}" >&2; exit 3`, /it ended with 3: no \*\*\*/],
      'list.sh': ['echo "[1]"', /JSON that is no object/],
      'slow.sh': ['exec sleep 60', /no end within 1 s/],
      'flood.sh': ['head -c 2000000 /dev/zero | tr "\\0" x', /more than 1 MiB/],
      'what.rb': ['', /only .sh/],
    };
    for (const [name, [text, why]] of Object.entries(failing)) {
      write(name, text);
      const { post, intake, log } = open({ script: name }, { script_timeout_seconds: 0 });
      expect(await post('r', {}), name).toEqual(ignored);
      expect(intake.events).toEqual([]);
      expect(log.at(-1)).toMatchObject({ level: 'warn', event: 'webhook.script_failed' });
      expect(String(log.at(-1)?.data?.['why'])).toMatch(why);
    }
  });

  it('that fails is told to the sender where the route wants that, who may send the same again', async () => {
    write('later.sh', 'test -f ready && echo "{}"');
    const { adapter, post, intake } = open({ script: 'later.sh', retry_on_script_failure: true });
    expect(await post('r', { n: 1 })).toEqual({
      status: 503,
      body: { status: 'error', reason: 'script_failed', route: 'r' },
    });
    expect(adapter.webhook).toBeDefined();
    write('ready', '');
    expect((await post('r', { n: 1 })).status).toBe(202);
    expect(intake.events).toHaveLength(1);
  });

  it('that is stopped with the gateway drops nothing: the sender is asked again', async () => {
    write('slow.sh', 'touch begun; exec sleep 60');
    const { adapter, intake, post } = open({ script: 'slow.sh' });
    const abort = new AbortController();
    const running = adapter.run(intake, abort.signal);
    const answer = post('r', { n: 1 });
    await expect.poll(() => existsSync(join(home, 'scripts/begun')), { timeout: 5_000 }).toBe(true);
    abort.abort();
    await running;
    expect((await answer).status).toBe(503);
    expect(intake.events).toEqual([]);
  });

  it('that would be one too many is not begun: the sender is asked again', async () => {
    write('slow.sh', 'touch "begun-$HERMES_WEBHOOK_DELIVERY_ID"; exec sleep 60');
    const { adapter, intake, post } = open({ script: 'slow.sh' });
    const abort = new AbortController();
    const running = adapter.run(intake, abort.signal);
    const begun = Array.from({ length: 16 }, (_, n) => post('r', { n }));
    const count = () => readdirSync(join(home, 'scripts')).filter((name) => name.startsWith('begun-')).length;
    await expect.poll(count, { timeout: 10_000 }).toBe(16);
    expect((await post('r', { n: 16 })).status).toBe(503);
    abort.abort();
    await running;
    expect(new Set((await Promise.all(begun)).map(({ status }) => status))).toEqual(new Set([503]));
  });

  it('is not run again for an event that was taken', async () => {
    write('count.sh', 'echo x >> times; echo "{}"');
    const { post } = open({ script: 'count.sh' });
    expect((await post('r', { n: 1 })).status).toBe(202);
    expect((await post('r', { n: 1 })).body).toMatchObject({ status: 'duplicate' });
    expect(readFileSync(join(home, 'scripts/times'), 'utf8')).toBe('x\n');
  });

  it('is never a file outside of its folder, by name or by link', async () => {
    writeFileSync(join(home, 'outside.sh'), 'touch escaped; echo "{}"');
    symlinkSync(join(home, 'outside.sh'), join(home, 'scripts/link.sh'));
    for (const script of ['../outside.sh', 'link.sh', join(home, 'outside.sh'), '.', 'none.sh', 'a\0b']) {
      const { post } = open({ script });
      expect(await post('r', {}), script).toEqual(ignored);
    }
    expect(existsSync(join(home, 'escaped'))).toBe(false);
  });
});
