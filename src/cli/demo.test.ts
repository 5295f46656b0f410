import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type TestHome, testHome } from '../config/testing.ts';
import type { GatewayOptions, RunningGateway } from '../gateway.ts';
import type { DemoNetwork } from './demo.ts';
import { main } from './main.ts';
import { testHost } from './testing.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

function parts() {
  const seen: { options?: GatewayOptions; config?: string; closed: string[] } = { closed: [] };
  let listener: (id: string, text: string) => void = () => {};
  const network: DemoNetwork = {
    env: {},
    config: 'model: {provider: demo}\n',
    async say(text) {
      listener(`to ${text}`, 'typing');
      listener(`to ${text}`, `answer to ${text}\nsecond line`);
    },
    onText: (given) => {
      listener = given;
    },
    close: async () => {
      seen.closed.push('network');
    },
  };
  const gateway = {
    turns: { active: () => 0 },
    stop: async () => {
      seen.closed.push('gateway');
    },
  };
  return {
    seen,
    demoNetwork: async () => network,
    startGateway: async (options: GatewayOptions) => {
      seen.options = options;
      seen.config = readFileSync(`${options.settings.home}/config.yaml`, 'utf8');
      return gateway as unknown as RunningGateway;
    },
  };
}

it('--script shows both sides of the chat, each answer in its final form', async () => {
  const { seen, ...given } = parts();
  const host = testHost({ home: home.path, ...given });
  expect(await main(['demo', '--script'], host)).toBe(0);
  expect(host.out()).toContain('You     Hello\nHermes  answer to Hello\n        second line\n');
  expect(host.out()).not.toContain('typing');
  expect(seen.closed).toEqual(['gateway', 'network']);
});

it('uses nothing of the person’s own configuration and leaves nothing behind', async () => {
  home.write('.env', 'OPENROUTER_API_KEY=sk-or-real-key-value\n');
  const { seen, ...given } = parts();
  const env = { OPENAI_API_KEY: 'sk-real', TELEGRAM_BOT_TOKEN: '1:real' };
  const host = testHost({ home: home.path, env, ...given });
  const code = main(['demo'], host);
  host.stdin.end('hi\n/exit\n');
  expect(await code).toBe(0);
  expect(seen.options?.settings).toMatchObject({
    providerEnv: {},
    platforms: {},
    model: { provider: 'demo' },
  });
  expect(seen.options?.settings.home).not.toBe(home.path);
  expect(existsSync(seen.options?.settings.home ?? home.path)).toBe(false);
});
