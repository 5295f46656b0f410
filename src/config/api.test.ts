import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSettings } from './load.ts';
import { type TestHome, testHome } from './testing.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

const load = (env: Record<string, string> = {}) =>
  loadSettings({ env: { HOME: '/home/me', ...env }, home: home.path, platforms: [] });

describe('the API server', () => {
  it('is off by default, and would listen on this machine only, on 8642, without a key', async () => {
    const { settings } = await load();
    expect(settings.api).toMatchObject({
      enabled: false,
      host: '127.0.0.1',
      port: 8642,
      key: undefined,
      requireKey: false,
      corsOrigins: [],
      maxConcurrentRuns: 10,
    });
  });

  it.each(['not-a-port', '0x1F', '70000', '-1', ''])('listens on 8642 when the port is %j', async (port) => {
    const { settings } = await load({ API_SERVER_PORT: port });
    expect(settings.api.port).toBe(8642);
  });

  it('is switched on by a key alone', async () => {
    expect((await load({ API_SERVER_KEY: 'a-key-of-some-length' })).settings.api.enabled).toBe(true);
  });

  it('is as the environment says where config.yaml says something else', async () => {
    home.write('config.yaml', 'platforms: {api_server: {port: 1, host: 10.0.0.1}}\n');
    const env = { API_SERVER_PORT: '2', API_SERVER_HOST: '127.0.0.2' };
    expect((await load(env)).settings.api).toMatchObject({ port: 2, host: '127.0.0.2' });
  });

  it('reads origins as a list, also from one line with spaces', async () => {
    const env = { API_SERVER_CORS_ORIGINS: ' http://a.example ,, https://b.example:8443 ' };
    expect((await load(env)).settings.api.corsOrigins).toEqual([
      'http://a.example',
      'https://b.example:8443',
    ]);
  });
});
