import { describe, expect, it } from 'vitest';
import { webhookConfig } from './config.ts';

const start = (route: unknown, settings: object = {}) => {
  const parsed = webhookConfig.schema.safeParse({
    secret: 'global',
    routes: { 'pr-review': route },
    ...settings,
  });
  return parsed.success
    ? 'starts'
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};
const refused = (route: unknown, settings: object = {}) => String(start(route, settings));

describe('the gateway refuses to start', () => {
  it('a route without a secret', () => {
    expect(start({}, { secret: '' })).toEqual([
      "routes.pr-review.secret: [webhook] Route 'pr-review' has no HMAC secret. Set 'secret' on the route or globally. For testing without auth, set secret to 'INSECURE_NO_AUTH'.",
    ]);
    expect(start({ secret: 'own' }, { secret: undefined })).toBe('starts');
  });

  it('unsigned events on an address that others can reach, named or not', () => {
    for (const host of [undefined, '', '0.0.0.0', '::', '192.168.1.5', '127.0.0.2'])
      expect(refused({ secret: 'INSECURE_NO_AUTH' }, { host }), String(host)).toContain('host to 127.0.0.1');
    for (const host of ['127.0.0.1', 'localhost', '::1'])
      expect(start({ secret: 'INSECURE_NO_AUTH' }, { host })).toBe('starts');
    expect(refused({}, { secret: 'INSECURE_NO_AUTH' })).toContain('every interface');
  });

  it('a message without a place to go', () => {
    for (const deliver of [undefined, '', 'log'])
      expect(refused({ deliver_only: true, deliver })).toContain("Set 'deliver' to a platform");
    expect(start({ deliver_only: true, deliver: 'telegram' })).toBe('starts');
  });

  it('combinations that exclude each other', () => {
    const deliver = 'telegram';
    expect(refused({ deliver_only: true, deliver, cron_job: 'x' })).toContain(
      'both deliver_only and cron_job',
    );
    expect(refused({ deliver_only: true, deliver, coalesce: { key: 'a' } })).toContain(
      'coalesce together with',
    );
    expect(refused({ cron_job: 'x', coalesce: { key: 'a' } })).toContain('coalesce together with cron_job');
  });

  it('a script that may be tried again and is not there', () => {
    expect(refused({ retry_on_script_failure: true })).toContain('without a script');
    expect(start({ retry_on_script_failure: true, script: 'filter.py' })).toBe('starts');
  });

  it('events that wait together without a key', () => {
    expect(refused({ coalesce: { window_seconds: 5 } })).toContain('coalesce.key');
    expect(refused({ coalesce: { key: ' ' } })).toContain('coalesce.key');
    expect(start({ coalesce: { key: 'id', window_seconds: '5' } })).toBe('starts');
  });

  it('a profile that is empty or nothing, and values of the wrong kind, each with its place', () => {
    for (const profile of [null, '', ' ', 5])
      expect(refused({ profile }), String(profile)).toContain('profile');
    expect(refused({ events: 5 })).toContain("routes.pr-review.events: [webhook] Route 'pr-review'");
    expect(refused('text')).toContain('routes.pr-review');
    expect(refused({ secret: 12345678 })).not.toContain('12345678');
  });

  it('a name that cannot be part of an address', () => {
    const parsed = webhookConfig.schema.safeParse({ secret: 'x', routes: { 'a/b': {} } });
    expect(parsed.error?.issues[0]?.message).toContain('cannot be part of an address');
  });
});

describe('a route', () => {
  const route = (raw: object) =>
    webhookConfig.schema.parse({ secret: 'global', routes: { r: raw } }).routes.get('r');

  it('inherits the global secret and logs by default', () => {
    expect(route({})).toMatchObject({ secret: 'global', deliver: 'log', events: [], enabled: true });
    expect(route({ secret: 'own' })?.secret).toBe('own');
  });

  it('is switched off only by an explicit false', () => {
    expect(route({ enabled: false })?.enabled).toBe(false);
    for (const enabled of [undefined, null, 0, '', 'no']) expect(route({ enabled })?.enabled).toBe(true);
  });

  it('says what it asks for and this version does not have', () => {
    const all = { skills: ['github-code-review'], cron_job: 'daily', mirror_to_session: true };
    expect(route(all)?.unavailable.join('\n')).toMatch(/github-code-review.*daily.*mirror_to_session/s);
    expect(route({ coalesce: { key: 'number' } })?.unavailable).toEqual([]);
    expect(route({})?.unavailable).toEqual([]);
  });
});

it('the port is 8644 unless a whole number says otherwise, and nobody named an interface', () => {
  const { listener, schema } = webhookConfig;
  for (const port of [undefined, '', 'abc', '80.5', -1, 70_000])
    expect(listener?.(schema.parse({ port }))).toMatchObject({ port: 8644, host: undefined });
  expect(listener?.(schema.parse({ port: '9000', host: '::1' }))).toMatchObject({ port: 9000, host: '::1' });
});
