/** A platform is one folder: a copy of the project that differs by nothing else knows it everywhere. */
import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { knownPlatforms } from '../src/cli/platforms.ts';
import type { Fake } from '../src/platforms/kit/fake.ts';
import type { listPlatforms, loadPlatform } from '../src/platforms/registry.ts';
import { makeHome } from '../testkit/gateway-process.ts';
import { startUpstream } from '../testkit/upstream/index.ts';
import { platformFiles } from './new-platform.ts';

const root = resolve(import.meta.dirname, '..');
const scratch = join(root, '.scratch');
const token = 'bot7:canary-0123456789';
let tree: string;

beforeAll(async () => {
  await mkdir(scratch, { recursive: true });
  await writeFile(join(scratch, '.gitignore'), '*\n');
  // Inside the repository, so that packages resolve.
  tree = await mkdtemp(join(scratch, 'tree-'));
  for (const part of ['bin', 'src', 'docs', 'scripts', 'package.json'])
    await cp(join(root, part), join(tree, part), { recursive: true });
  const folder = 'src/platforms/third_net';
  for (const [file, text] of await platformFiles('third_net', join(root, folder))) {
    const copy = join(tree, file.slice(root.length));
    await mkdir(dirname(copy), { recursive: true });
    await writeFile(copy, text);
  }
});
afterAll(() => rm(tree, { recursive: true, force: true }));

const inTree = <T>(path: string): Promise<T> => import(pathToFileURL(join(tree, path)).href);
const run = promisify(execFile);

it('the registry finds it, and its adapter loads', async () => {
  const registry = await inTree<{ listPlatforms: typeof listPlatforms; loadPlatform: typeof loadPlatform }>(
    'src/platforms/registry.ts',
  );
  const names = (await registry.listPlatforms()).map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['telegram', 'third_net', 'webhook', 'wecom']));
  expect((await registry.loadPlatform('third_net')).manifest.title).toBe('Third Net');
});

it('the wizard has its steps, and configuration its variables and secrets', async () => {
  const { knownPlatforms: known } = await inTree<{ knownPlatforms: typeof knownPlatforms }>(
    'src/cli/platforms.ts',
  );
  const spec = (await known()).find(({ manifest }) => manifest.name === 'third_net');
  expect(spec?.manifest.setup).toEqual([
    { say: 'Create a bot on Third Net and copy its token.' },
    { say: 'Bot token', env: 'THIRD_NET_TOKEN', secret: true },
  ]);
  expect((await spec?.config?.())?.env).toMatchObject({ THIRD_NET_TOKEN: 'token' });
  expect(spec?.manifest.secrets).toEqual(['token']);
});

it('its own page names its settings from the first minute', async () => {
  const page = await readFile(join(tree, 'src/platforms/third_net/README.md'), 'utf8');
  for (const name of ['token', 'base_url', 'THIRD_NET_TOKEN', 'THIRD_NET_HOME_CHANNEL'])
    expect(page).toContain(`\`${name}\``);
});

it('the reference pages have its tables', { timeout: 60_000 }, async () => {
  await run(process.execPath, ['scripts/generate-docs.ts'], { cwd: tree });
  const page = await readFile(join(tree, 'docs/reference/platforms.md'), 'utf8');
  const section = page.slice(page.indexOf('## Third Net'));
  expect(section).toContain('| **switched on by** | `THIRD_NET_TOKEN` |');
  expect(section).toContain('| **longest message** | 1000 (code points, with markup) |');
  expect(section).toMatch(/\| `token` \| `THIRD_NET_TOKEN` \| .* Secret\. \|/);
});

it('a gateway answers on it, shows it in its status and keeps its token out of its logs', {
  timeout: 60_000,
}, async () => {
  const { startFake } = await inTree<{ startFake(token: string): Promise<Fake> }>(
    'src/platforms/third_net/fake.ts',
  );
  const [fake, upstream] = await Promise.all([startFake(token), startUpstream()]);
  const home = await makeHome({ upstream: upstream.url, upstreamKey: upstream.key });
  const own = { THIRD_NET_TOKEN: token, THIRD_NET_BASE_URL: fake.url, THIRD_NET_ALLOWED_USERS: 'ada' };
  const env = { ...home.env, ...own };
  const gateway = spawn(process.execPath, ['bin/hermes.js', 'gateway', 'run'], {
    cwd: tree,
    env,
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => gateway.on('exit', resolve));
  try {
    await fake.inject({
      type: 'message',
      id: '1',
      chat: { id: 'c1', kind: 'dm' },
      from: { id: 'ada', name: 'Ada' },
      text: 'hello',
    });
    await expect.poll(() => fake.seen.map(({ text }) => text), { timeout: 30_000 }).toEqual(['echo: hello']);
    const { stdout } = await run(process.execPath, ['bin/hermes.js', 'gateway', 'status', '--json'], {
      cwd: tree,
      env,
    });
    const { platforms } = JSON.parse(stdout) as { platforms: readonly object[] };
    expect(platforms).toMatchObject([
      { platform: 'third_net', account: 'third_net:bot7', state: 'connected' },
    ]);
    const text = await run(process.execPath, ['bin/hermes.js', 'gateway', 'status'], { cwd: tree, env });
    expect(text.stdout).toContain('third_net');
    const log = await readFile(join(home.path, 'logs/agent.log'), 'utf8').catch(() => '');
    expect(log).not.toContain(token);
  } finally {
    gateway.kill('SIGTERM');
    await ended;
    home.remove();
    await Promise.all([fake.close(), upstream.close()]);
  }
});
