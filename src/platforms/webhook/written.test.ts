/** Where in config.yaml the routes may stand, read as the gateway reads them. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { knownPlatforms } from '../../cli/platforms.ts';
import { loadSettings } from '../../config/load.ts';
import { type TestHome, testHome } from '../../config/testing.ts';
import { webhookConfig } from './config.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

async function load(yaml: string, env: Readonly<Record<string, string>> = {}) {
  home.write('config.yaml', yaml);
  const platforms = await knownPlatforms();
  const { settings, problems } = await loadSettings({ env, home: home.path, platforms });
  const block = settings.platforms['webhook'];
  return { problems, config: block && webhookConfig.schema.parse(block.values) };
}

it('what stands under extra beats the same key directly in the block', async () => {
  const { config, problems } = await load(
    'platforms: {webhook: {enabled: true, secret: direct-secret, port: 1111, extra: {secret: extra-secret, port: 2222}}}',
  );
  expect([config?.secret, config?.port, problems]).toEqual(['extra-secret', 2222, []]);
});

it('routes of the section `webhooks` are served, and any other place beats them', async () => {
  const { config, problems } = await load(
    [
      'webhooks:',
      '  routes:',
      '    topic: {secret: a-secret, prompt: of the section}',
      '    both: {secret: a-secret, prompt: of the section}',
      'platforms: {webhook: {enabled: true, extra: {routes: {both: {secret: a-secret, prompt: of the block}}}}}',
    ].join('\n'),
  );
  expect(problems).toEqual([]);
  expect([config?.routes.get('topic')?.prompt, config?.routes.get('both')?.prompt]).toEqual([
    'of the section',
    'of the block',
  ]);
});

it('the section alone switches nothing on, the variable does, and its port and secret count either way', async () => {
  const yaml = 'webhooks: {routes: {topic: {prompt: x}}}';
  expect((await load(yaml)).config).toBeUndefined();
  const env = { WEBHOOK_PORT: '9999', WEBHOOK_SECRET: 'of-the-environment' };
  const byVariable = await load(yaml, { ...env, WEBHOOK_ENABLED: 'true' });
  expect(byVariable.config?.routes.get('topic')?.secret).toBe('of-the-environment');
  const byFile = await load('platforms: {webhook: {enabled: true}}', env);
  expect([byFile.config?.port, byFile.config?.secret]).toEqual([9999, 'of-the-environment']);
});
