/** Who gets into the built-in page: everybody on this machine without a key, and nobody who guesses. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serve } from './served.ts';

const browserPath = '/usr/bin/chromium';
const isThere = existsSync(browserPath);
if (!isThere) console.warn(`Skipped: there is no browser at ${browserPath} (apt-get install chromium).`);

const chatKey = 'only-for-chat-0123456789';
const healthKey = 'only-to-look-0123456789';
const patience = { timeout: 10_000 };
let browser: Browser;
let page: Page;

beforeAll(async () => {
  if (!isThere) return;
  const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
  browser = await chromium.launch({ executablePath: browserPath, args });
});
afterAll(() => browser?.close());
beforeEach(async () => {
  page = await browser.newPage();
});
afterEach(() => page.close());

const answer = () => page.getByRole('article', { name: 'Hermes' }).last();

describe.skipIf(!isThere)('without a key', () => {
  const served = serve({ env: { API_SERVER_KEY: '' } });

  it('the page of this machine works at once', async () => {
    await page.goto(served.home.apiUrl);
    await page.getByRole('textbox', { name: 'Message to Hermes' }).fill('hello');
    await page.keyboard.press('Enter');
    await expect.poll(() => answer().textContent(), patience).toContain('echo: hello');
    await page.keyboard.type('and again');
    await page.keyboard.press('Enter');
    await expect.poll(() => answer().textContent(), patience).toContain('echo: and again');
    expect(served.shown().map(({ content }) => content)).toEqual(['hello', 'echo: hello', 'and again']);
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('a page of another origin gets nothing, whatever it asks', async () => {
    const before = served.upstream.requests.length;
    // Another program of this machine; unlike the page itself it allows its scripts everything.
    await page.goto(`${served.upstream.url}/hello`);
    const asked = await page.evaluate(`Promise.all([
      fetch('${served.home.apiUrl}/health/detailed').then((r) => r.status, () => 'refused'),
      fetch('${served.home.apiUrl}/v1/chat/completions', { method: 'POST', mode: 'no-cors', body: '${JSON.stringify({ messages: [{ role: 'user', content: 'steal' }] })}' }).then((r) => r.type, () => 'refused'),
    ])`);
    // The second one is sent by browsers without asking; its answer, a 403, is kept from the page.
    expect(asked).toEqual(['refused', 'opaque']);
    expect(served.upstream.requests.length).toBe(before);
  });
});

describe.skipIf(!isThere)('with keys', () => {
  const served = serve({
    yaml: [
      'gateway: {auth: {rateLimit: {maxAttempts: 2, lockoutMs: 3000, exemptLoopback: false}}}',
      'platforms: {api_server: {keys: [',
      `  {name: talker, key: ${chatKey}, scopes: [chat]},`,
      `  {name: watcher, key: ${healthKey}, scopes: [health]}]}}`,
    ].join('\n'),
  });

  it('a key that may only chat chats, and one that may only look is told what it lacks', async () => {
    const enter = async (key: string) => {
      await page.goto(served.home.apiUrl);
      await page.getByLabel('Key', { exact: true }).fill(key);
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor({ state: 'hidden', timeout: 10_000 });
      await page.getByRole('textbox', { name: 'Message to Hermes' }).fill('hello');
      await page.keyboard.press('Enter');
    };
    await enter(chatKey);
    await expect.poll(() => answer().textContent(), patience).toContain('echo: hello');
    const panel = page.getByRole('complementary');
    expect(await panel.textContent()).toContain('may chat, but not see the state');
    await enter(healthKey);
    await expect.poll(() => answer().textContent(), patience).toContain('lacks the scope chat');
    await page.getByRole('button', { name: 'Use another key' }).click();
    await page.getByLabel('Key', { exact: true }).fill(served.home.apiKey);
    await page.keyboard.press('Enter');
    await expect.poll(() => answer().textContent(), patience).toContain('echo: hello');
  });

  it('after too many wrong ones the page says how long the door is closed, and opens it after that', async () => {
    await page.goto(served.home.apiUrl);
    const key = page.getByLabel('Key', { exact: true });
    const problem = page.getByRole('alert');
    for (const wrong of ['wrong-one', 'wrong-two']) {
      await key.fill(wrong);
      await key.press('Enter');
      await expect.poll(() => problem.textContent(), patience).toContain('not the key');
      await key.fill('');
    }
    await key.fill(served.home.apiKey);
    await key.press('Enter');
    await expect.poll(() => problem.textContent(), patience).toMatch(/Too many wrong keys .* in \d s\./);
    expect(await page.getByRole('button', { name: 'Unlock' }).isDisabled()).toBe(true);
    await expect.poll(() => problem.textContent(), patience).toBe('You can try again now.');
    await key.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'hidden', timeout: 10_000 });
  });
});
