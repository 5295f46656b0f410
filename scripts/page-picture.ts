/**
 * `node scripts/page-picture.ts`: runs the gateway with a scripted model and a local Telegram, talks to it on the
 * built-in page and photographs that, docs/images/page.png. Needs Debian's Chromium and its fonts.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { startFakeTelegram } from '../src/platforms/telegram/fake.ts';
import { GatewayProcess, makeHome } from '../testkit/gateway-process.ts';
import { startUpstream, type Upstream } from '../testkit/upstream/index.ts';

const root = resolve(import.meta.dirname, '..');
export const picture = join(root, 'docs/images/page.png');
/** A README should load fast. */
export const largest = 200 * 1024;

/** What the model says; the tools in it really run. */
function playScene(upstream: Upstream): void {
  upstream.script(
    {
      text: 'I will look at the disk and at what the backup needs.',
      toolCalls: [
        { name: 'terminal', arguments: { command: 'df -h /' } },
        { name: 'search_files', arguments: { pattern: '*.conf', target: 'files', path: '.' } },
      ],
    },
    {
      text: 'There is room, **but not for long**:\n\n| | size |\n|:--|--:|\n| free | 212 GB |\n| tonight’s backup | 38 GB |\n| left on Sunday | −16 GB |\n\nShall I delete backups that are older than 30 days?',
    },
    {
      text: 'I am checking which ones these are before I delete anything.',
      toolCalls: [{ name: 'terminal', arguments: { command: './backups list --older-than 30d' } }],
    },
  );
}

async function photograph(): Promise<void> {
  const upstream = await startUpstream();
  const telegram = await startFakeTelegram();
  const home = await makeHome({
    upstream: upstream.url,
    upstreamKey: upstream.key,
    telegram: { url: telegram.url, token: telegram.token, users: [111] },
  });
  const config = join(home.path, 'config.yaml');
  writeFileSync(config, readFileSync(config, 'utf8').replace('default: echo', 'default: qwen3-coder'));
  // At work for as long as the picture takes.
  writeFileSync(join(home.path, 'backups'), '#!/bin/sh\nsleep 30\n', { mode: 0o755 });
  const gateway = new GatewayProcess({ ...home, env: { ...home.env, API_SERVER_KEY: '' } });
  await gateway.listening();
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1180, height: 900 }, reducedMotion: 'reduce' });
    await page.goto(home.apiUrl);
    // A delivery is part of what the state shows.
    await telegram.inject.text('hello', { from: { id: 111 } });
    while (telegram.messages(111).length < 2) await page.waitForTimeout(50);
    playScene(upstream);
    const box = page.getByRole('textbox', { name: 'Message to Hermes' });
    await box.fill('Is there enough room for tonight’s backup?');
    await box.press('Enter');
    await page.locator('.hermes[data-state="done"]').waitFor();
    await box.fill('Yes, but show me the list first.');
    await box.press('Enter');
    await page.locator('.tool[data-state="running"]').waitFor();
    await page.getByText('1 answer').waitFor();
    await page.getByText('connected', { exact: true }).waitFor();
    // The address of the moment would make every picture another one.
    await page.getByText(home.apiUrl).evaluate((node) => {
      node.textContent = 'http://127.0.0.1:8642/v1';
    });
    await page.screenshot({ path: picture });
  } finally {
    await browser.close();
    await gateway.kill('SIGTERM');
    await telegram.close();
    await upstream.close();
    home.remove();
  }
}

if (import.meta.main) {
  await photograph();
  console.log(`${picture.slice(root.length + 1)}: ${Math.ceil(statSync(picture).size / 1024)} KiB`);
}
