/** The built-in page in a real browser against the real gateway. */
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, type ConsoleMessage, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serve } from './served.ts';

/** Debian's; .ci/run installs it. */
const browserPath = '/usr/bin/chromium';
const isThere = existsSync(browserPath);
if (!isThere) console.warn(`Skipped: there is no browser at ${browserPath} (apt-get install chromium).`);

const patience = { timeout: 10_000 };

describe.skipIf(!isThere)(`the built-in page in ${browserPath}`, () => {
  const served = serve({ env: { HERMES_RESTART_DRAIN_TIMEOUT: '1' } });
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
    browser = await chromium.launch({ executablePath: browserPath, args });
  });
  afterAll(() => browser.close());

  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1_100, height: 800 } });
    page = await context.newPage();
    problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      if (isProblem(message)) problems.push(message.text());
    });
  });
  afterEach(async () => {
    await context.close();
    expect(problems).toEqual([]);
  });

  const log = () => page.getByRole('log');
  const answer = () => page.getByRole('article', { name: 'Hermes' }).last();
  const box = () => page.getByRole('textbox', { name: 'Message to Hermes' });
  const until = (what: () => unknown) => expect.poll(what, patience);
  const textOf = async (part: ReturnType<typeof answer>) => (await part.textContent(patience)) ?? '';

  async function open(): Promise<void> {
    await page.goto(served.home.apiUrl);
    await page.getByLabel('Key', { exact: true }).fill(served.home.apiKey);
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
  }
  async function say(text: string): Promise<void> {
    await box().fill(text);
    await box().press('Enter');
  }
  const isDone = () => answer().getAttribute('data-state');

  it('asks for the key, says that a wrong one is wrong, and keeps the right one nowhere', async () => {
    await page.goto(served.home.apiUrl);
    const key = page.getByLabel('Key', { exact: true });
    await key.fill('not-the-key');
    await key.press('Enter');
    await until(() => page.getByRole('alert').textContent()).toBe('That is not the key of this gateway.');
    expect(await key.getAttribute('aria-invalid')).toBe('true');
    await key.fill(served.home.apiKey);
    await key.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await until(() => page.getByRole('complementary').textContent()).toContain('echo');
    await say('hello');
    await until(() => textOf(answer())).toContain('echo: hello');
    const kept = await page.evaluate(
      'JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href, document.documentElement.outerHTML])',
    );
    expect(kept).not.toContain(served.home.apiKey);
    expect(await context.cookies()).toEqual([]);
    await page.reload();
    await page.getByRole('dialog').waitFor();
  });

  it('can be used without an answer about the key, and asks again when it is needed', async () => {
    await page.goto(served.home.apiUrl);
    await page.getByRole('button', { name: 'Not now' }).click();
    await say('first');
    await page.getByLabel('Key', { exact: true }).fill(served.home.apiKey);
    await page.keyboard.press('Enter');
    await until(() => textOf(answer())).toContain('echo: first');
    expect(served.seen()).toHaveLength(1);
  });

  it('shows an answer while it is written', async () => {
    await open();
    const words = Array.from({ length: 40 }, (_, n) => `word${n} `);
    served.upstream.script({ text: words, fault: { kind: 'slow', msPerFrame: 40 } });
    await say('a story');
    await until(() => textOf(answer())).toContain('word3');
    const early = await textOf(answer());
    expect(early).not.toContain('word39');
    expect(await page.getByRole('button', { name: 'Stop the answer' }).isVisible()).toBe(true);
    await until(() => textOf(answer())).toContain('word39');
    await until(isDone).toBe('done');
    expect(await textOf(answer())).toMatch(/echo · [\d,]+ tokens · [\d.]+ s/);
    expect(await page.getByRole('status').first().textContent()).toContain('word39');
  });

  it('shows tools while they run and when they are done', async () => {
    await open();
    served.upstream.script(
      {
        text: 'Looking first. ',
        toolCalls: [{ name: 'terminal', arguments: { command: 'sleep 1; echo 4$((1+1))' } }],
      },
      { text: 'It is **42**.' },
    );
    await say('count');
    const tool = page.getByRole('listitem').filter({ hasText: 'terminal' });
    await until(() => tool.getAttribute('data-state')).toBe('running');
    expect(await tool.textContent()).toContain('sleep 1; echo');
    await until(() => tool.getAttribute('data-state')).toBe('done');
    expect(await tool.textContent()).toMatch(/[\d.]+ s/);
    await until(isDone).toBe('done');
    const text = await textOf(answer());
    expect(text.indexOf('Looking first.')).toBeLessThan(text.indexOf('terminal'));
    expect(text.indexOf('terminal')).toBeLessThan(text.indexOf('It is 42.'));
  });

  it('goes on with the conversation', async () => {
    await open();
    await say('my name is Ann');
    await until(() => textOf(answer())).toContain('echo: my name is Ann');
    await say('who am I');
    await until(() => textOf(answer())).toContain('echo: who am I');
    expect(served.shown().map(({ content }) => content)).toEqual([
      'my name is Ann',
      'echo: my name is Ann',
      'who am I',
    ]);
    await page.getByRole('button', { name: 'New chat' }).click();
    await say('alone');
    await until(() => textOf(answer())).toContain('echo: alone');
    expect(served.shown()).toHaveLength(1);
  });

  it('sends what was written meanwhile when the answer is done', async () => {
    await open();
    served.upstream.script({ text: 'a b c d e f g h', fault: { kind: 'slow', msPerFrame: 50 } });
    await say('first');
    await say('second');
    expect(await page.getByText('Is sent when the answer is done').count()).toBeGreaterThan(0);
    await until(() => page.getByRole('article', { name: 'Hermes' }).count()).toBe(2);
    await until(() => textOf(answer())).toContain('echo: second');
    expect(await textOf(page.getByRole('article', { name: 'Hermes' }).first())).toContain('a b c d e f g h');
  });

  it('keeps what was written meanwhile in the box when a new chat begins', async () => {
    await open();
    const hang = { text: ['Begun. ', 'never'], fault: { kind: 'hang-mid-stream' as const, after: 2 } };
    served.upstream.script(hang);
    await say('first');
    await until(() => textOf(answer())).toContain('Begun.');
    await say('second');
    await page.getByRole('button', { name: 'New chat' }).click();
    await until(() => served.active()).toBe(0);
    expect(await box().inputValue()).toBe('second');
    expect(await page.getByRole('article').count()).toBe(0);
    expect(served.seen()).toHaveLength(1);
  });

  it('stops an answer, and the gateway stops with it', async () => {
    await open();
    served.upstream.script({ text: ['Begun. ', 'never'], fault: { kind: 'hang-mid-stream', after: 2 } });
    await say('long');
    await until(() => textOf(answer())).toContain('Begun.');
    await page.keyboard.press('Escape');
    await until(isDone).toBe('stopped');
    await until(() => served.active()).toBe(0);
    await say('next');
    await until(isDone).toBe('done');
    expect(await textOf(answer())).toContain('next');
  });

  it('goes on after the gateway was killed in mid-answer, and the answer is there once', async () => {
    await open();
    served.upstream.script({ text: ['Half of ', 'an answer'], fault: { kind: 'hang-mid-stream', after: 2 } });
    await say('survive');
    await until(() => textOf(answer())).toContain('Half of');
    await served.gateway.kill('SIGKILL');
    await until(() => textOf(answer())).toContain('The connection broke while Hermes was answering.');
    expect(await textOf(answer())).toContain('Half of');
    await until(() => page.getByText('Not reachable').count()).toBe(1);
    await served.start();
    await until(isDone).toBe('done');
    const text = await textOf(answer());
    expect(text).toContain('echo: survive');
    expect(text).not.toContain('Half of');
    expect(text).not.toContain('The connection broke');
    expect(await page.getByRole('article').count()).toBe(2);
    await until(() => page.getByText('Running', { exact: true }).count()).toBe(1);
  });

  it('goes on after the gateway was restarted in good order in mid-answer', async () => {
    await open();
    served.upstream.script({ text: ['Half of ', 'an answer'], fault: { kind: 'hang-mid-stream', after: 2 } });
    await say('update');
    await until(() => textOf(answer())).toContain('Half of');
    await served.gateway.kill('SIGTERM');
    await until(isDone).toBe('waiting');
    expect(await textOf(answer())).toMatch(/The gateway is restarting|The connection broke/);
    await served.start();
    await until(() => textOf(answer())).toContain('echo: update');
    expect(await textOf(answer())).not.toContain('Half of');
  });

  it('gives one answer to a question whose answer got lost on the way', async () => {
    await open();
    let cut = 0;
    await page.route('**/v1/chat/completions', async (route) => {
      cut += 1;
      if (cut > 1) return route.continue();
      // The gateway gets the question and finishes the answer; nothing of it arrives.
      const { headers, postData } = {
        headers: await route.request().allHeaders(),
        postData: route.request().postData(),
      };
      const response = await fetch(route.request().url(), { method: 'POST', headers, body: postData });
      await response.text();
      return route.abort('connectionreset');
    });
    await say('only once');
    await until(() => textOf(answer())).toContain('echo: only once');
    expect(cut).toBe(2);
    expect(served.seen()).toHaveLength(1);
  });

  it('waits for a gateway that is not there when a question is sent', async () => {
    await open();
    await served.gateway.kill('SIGKILL');
    await say('patience');
    await until(() => textOf(answer())).toContain('The gateway does not answer.');
    await served.start();
    await until(() => textOf(answer())).toContain('echo: patience');
    expect(served.seen()).toHaveLength(1);
  });

  it('says why the model failed, and tries again when it is asked to', async () => {
    await open();
    served.upstream.script({ fault: { kind: 'status', status: 400, message: 'no such thing' } });
    await say('fail');
    await until(isDone).toBe('failed');
    expect(await textOf(answer())).toContain('no such thing');
    expect(await box().inputValue()).toBe('');
    await page.getByRole('button', { name: 'Try again' }).click();
    await until(() => textOf(answer())).toContain('echo: fail');
  });

  it('shows thoughts and warnings apart from the answer, in their order', async () => {
    await open();
    const frame = (delta: object, more: object = {}) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
    const body = [
      frame({ role: 'assistant' }),
      frame({ reasoning_content: 'Let me ' }),
      frame({ reasoning_content: 'think.' }),
      `event: hermes.status\n${frame({}, { kind: 'warning', text: 'The temperature is ignored.' })}`,
      frame({ content: 'Thought through.' }),
      `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'length' }] })}\n\n`,
      'data: [DONE]\n\n',
    ].join('');
    const headers = { 'Content-Type': 'text/event-stream' };
    await page.route('**/v1/chat/completions', (route) => route.fulfill({ headers, body }));
    await say('think');
    await until(isDone).toBe('done');
    const text = await textOf(answer());
    const places = ['Let me think.', 'The temperature is ignored.', 'Thought through.', 'length limit'];
    const found = places.map((place) => text.indexOf(place));
    expect(found).toEqual(found.toSorted((a, b) => a - b));
    expect(found).not.toContain(-1);
    expect(await page.getByText('Let me think.').isVisible()).toBe(false);
    await page.getByText('Thoughts').click();
    expect(await page.getByText('Let me think.').isVisible()).toBe(true);
  });

  it('shows what a hostile model writes as text', async () => {
    await open();
    const command = 'echo "<img src=x onerror=hacked=1>"; : <script>globalThis.hacked=1</script>';
    served.upstream.script({ toolCalls: [{ name: 'terminal', arguments: { command } }] }, { text: hostile });
    await say('attack me');
    await until(isDone).toBe('done');
    const found = (await page.evaluate(`(() => {
      const all = [...document.querySelectorAll('.hermes *')];
      return {
        ran: Boolean(globalThis.hacked),
        tags: [...new Set(all.map((each) => each.localName))],
        handlers: all.filter((each) => [...each.attributes].some(({ name }) => name.startsWith('on') || name === 'style')).length,
        links: [...document.querySelectorAll('.hermes a')].map((each) => each.protocol),
        targets: [...document.querySelectorAll('.hermes a')].every((each) => each.rel.includes('noopener')),
        pictures: [...document.querySelectorAll('.hermes img')].map((each) => each.src.slice(0, 22)),
      };
    })()`)) as Found;
    expect(found.ran).toBe(false);
    for (const tag of [
      'script',
      'iframe',
      'svg',
      'style',
      'object',
      'form',
      'input',
      'base',
      'meta',
      'video',
    ]) {
      expect(found.tags).not.toContain(tag);
    }
    expect(found.handlers).toBe(0);
    expect(new Set(found.links)).toEqual(new Set(['https:']));
    expect(found.targets).toBe(true);
    expect(found.pictures).toEqual(['data:image/png;base64,']);
    expect(await textOf(answer())).toContain('<script>globalThis.hacked = 1</script>');
  });

  it('fits a phone, also with long words, code and tables', async () => {
    await page.setViewportSize({ width: 360, height: 640 });
    await open();
    served.upstream.script({
      text: `${'long'.repeat(80)}\n\n\`\`\`\n${'code '.repeat(80)}\n\`\`\`\n\n| ${'a | '.repeat(12)}\n|${'---|'.repeat(12)}\n| ${'wide | '.repeat(12)}`,
    });
    await say(`wide ${'w'.repeat(200)}`);
    await until(isDone).toBe('done');
    const width = 'document.documentElement.scrollWidth - innerWidth';
    expect(await page.evaluate(width)).toBe(0);
    const state = page.getByRole('button', { name: 'State' });
    await state.click();
    expect(await state.getAttribute('aria-expanded')).toBe('true');
    expect(await page.getByRole('complementary').isVisible()).toBe(true);
    expect(await page.evaluate(width)).toBe(0);
  });

  it('can be read and used without eyes and without a mouse', async () => {
    await open();
    await say('hello');
    await until(isDone).toBe('done');
    expect(await page.evaluate(accessibility)).toEqual({
      unnamed: [],
      doubleIds: [],
      withoutAlt: [],
      language: 'en',
    });
    for (const role of ['banner', 'main', 'complementary', 'log'] as const) {
      expect(await page.getByRole(role).count(), role).toBe(1);
    }
    await until(() => page.locator('#announcer').textContent()).toContain('Hermes: echo: hello');
    await page.evaluate('document.activeElement.blur()');
    await page.getByRole('link', { name: 'Skip to the message box' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.type('by keyboard');
    await page.keyboard.press('Enter');
    await until(() => textOf(answer())).toContain('echo: by keyboard');
    await until(() => page.evaluate('document.activeElement.id')).toBe('question');
  });

  it.each(['light', 'dark'] as const)('has enough contrast in the %s theme', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await open();
    await say('hello');
    await until(isDone).toBe('done');
    expect(await page.evaluate(faintTexts)).toEqual([]);
  });

  it('shows the state, and asks for it only while somebody looks', async () => {
    await page.clock.install();
    await open();
    const panel = page.getByRole('complementary');
    await until(() => panel.textContent()).toMatch(/Model\s*echo.*Up for.*Version\s*0\.1\.0.*Deliveries/);
    expect(await log().isVisible()).toBe(true);
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().endsWith('/health/detailed')) asked += 1;
    });
    await hide(true);
    await page.clock.runFor(120_000);
    expect(asked).toBe(0);
    await hide(false);
    await until(() => asked).toBe(1);
    await page.clock.runFor(6_000);
    await until(() => asked).toBeGreaterThan(1);
  });

  it('sends a picture to the model', async () => {
    await open();
    const buffer = Buffer.from(pixel, 'base64');
    await page.locator('#files').setInputFiles({ name: 'dot.png', mimeType: 'image/png', buffer });
    await page.getByRole('list', { name: 'Attached pictures' }).getByRole('img').waitFor();
    await say('what is this');
    await until(isDone).toBe('done');
    expect(JSON.stringify(served.seen()[0]?.body)).toContain(pixel.slice(0, 40));
  });

  /** As another tab would cover this one. */
  async function hide(isHidden: boolean): Promise<void> {
    await page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
      document.dispatchEvent(new Event('visibilitychange'));`);
  }
});

interface Found {
  readonly ran: boolean;
  readonly tags: readonly string[];
  readonly handlers: number;
  readonly links: readonly string[];
  readonly targets: boolean;
  readonly pictures: readonly string[];
}

/** A refused key and a gateway that is away are part of these tests; the browser reports them as errors. */
function isProblem(message: ConsoleMessage): boolean {
  return message.type() === 'error' && !/Failed to load resource/.test(message.text());
}

const pixel =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const hostile = [
  '<script>globalThis.hacked = 1</script>',
  '<img src=x onerror="globalThis.hacked = 1">',
  '<svg onload="globalThis.hacked = 1"><style>*{display:none}</style></svg>',
  '<iframe srcdoc="<script>parent.hacked = 1</script>"></iframe><base href="https://evil.example">',
  '[click](javascript:globalThis.hacked=1) [click](data:text/html,<script>1</script>) [ok](https://example.org)',
  '![x](javascript:alert(1)) ![pic](https://example.org/track.png) ![svg](data:image/svg+xml;base64,PHN2Zz4=)',
  `![dot](data:image/png;base64,${pixel})`,
  '[x](https://example.org" onmouseover="globalThis.hacked=1) <a href="javascript:1">y</a>',
  '| <b>a</b> | <script>1</script> |\n|---|---|\n| <img src=x onerror=hacked=1> | "><svg/onload=1> |',
  '```"><script>globalThis.hacked=1</script>\n</code></pre><script>globalThis.hacked=1</script>\n```',
  '- [ ] <input autofocus onfocus=hacked=1>\n- `</code><script>1</script>`',
  '# <style>body{display:none}</style>\n> <form action=https://evil.example><input name=key></form>',
  '&lt;script&gt; \u202e reversed \u0000 zero',
].join('\n\n');

/** What axe calls serious, by hand: names, ids, alternatives, language. */
const accessibility = `(() => {
  const shown = (each) => each.checkVisibility();
  const named = (each) =>
    (each.getAttribute('aria-label') ?? '').trim() !== '' || each.textContent.trim() !== '' ||
    (each.labels !== undefined && each.labels !== null && each.labels.length > 0);
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  return {
    unnamed: [...document.querySelectorAll('button, input, textarea, a, select')].filter((each) => shown(each) && !named(each)).map((each) => each.outerHTML.slice(0, 80)),
    doubleIds: ids.filter((id, at) => ids.indexOf(id) !== at),
    withoutAlt: [...document.querySelectorAll('img:not([alt])')].length === 0 ? [] : ['img'],
    language: document.documentElement.lang,
  };
})()`;

/** Texts below the contrast of WCAG AA (4.5 : 1), as the browser computed their colours. */
const faintTexts = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((each) => (each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (each) => {
    for (let at = each; at !== null; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return rgb(getComputedStyle(document.documentElement).backgroundColor);
  };
  const own = (each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
  const faint = [];
  for (const each of document.querySelectorAll('body *')) {
    if (!own(each) || !each.checkVisibility() || each.matches(':disabled, .unseen, .skip, noscript *')) continue;
    const [a, b] = [light(rgb(getComputedStyle(each).color)), light(ground(each))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(each.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return faint;
})()`;
