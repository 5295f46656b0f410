import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BrokenPlatform, listPlatforms, loadPlatform } from './registry.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'platforms-'));
});
afterEach(() => rm(root, { recursive: true }));

async function add(name: string, files: Readonly<Record<string, string>>) {
  await mkdir(join(root, name), { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(root, name, file), text);
}

const manifest = (name: string, api = 1) => `export const manifest = { api: ${api}, name: '${name}' };`;
const adapter = `import { manifest } from './manifest.js';
export default { manifest, open: () => ({}) };`;

it('finds a platform as soon as its folder is there, and nothing else', async () => {
  await add('zulu', { 'manifest.js': manifest('zulu'), 'adapter.js': adapter });
  await add('alpha', { 'manifest.js': manifest('alpha'), 'adapter.js': adapter });
  await add('kit', { 'webhook.js': '' });
  await add('half', { 'manifest.js': manifest('half') });
  await add('.hidden', { 'manifest.js': manifest('x'), 'adapter.js': adapter });
  await writeFile(join(root, 'contract.js'), '');
  expect((await listPlatforms(root)).map(({ name }) => name)).toEqual(['alpha', 'zulu']);
  const platform = await loadPlatform('zulu', root);
  expect(platform.manifest.name).toBe('zulu');
});

it('loads from source as well as built', async () => {
  await add('typed', {
    'manifest.ts': 'export const manifest: { api: 1; name: string } = { api: 1, name: "typed" };',
    'adapter.ts':
      "import { manifest } from './manifest.ts';\nexport default { manifest, open: (): object => ({}) };",
  });
  expect((await loadPlatform('typed', root)).manifest.name).toBe('typed');
});

it('lists platforms without running their adapters', async () => {
  await add('loud', { 'manifest.js': manifest('loud'), 'adapter.js': "throw new Error('ran');" });
  expect(await listPlatforms(root)).toHaveLength(1);
  await expect(loadPlatform('loud', root)).rejects.toThrow('platform loud: adapter cannot be loaded: ran');
});

it('says what is wrong with a folder that is not a platform', async () => {
  await add('liar', { 'manifest.js': manifest('truth'), 'adapter.js': adapter });
  await expect(listPlatforms(root)).rejects.toThrow('platform liar: its manifest says another name: truth');
  await rm(join(root, 'liar'), { recursive: true });
  await add('future', { 'manifest.js': manifest('future', 2), 'adapter.js': adapter });
  await expect(loadPlatform('future', root)).rejects.toThrow('version 2 of the contract');
  await add('other', {
    'manifest.js': manifest('other'),
    'adapter.js': 'export default { manifest: {}, open() {} };',
  });
  await expect(loadPlatform('other', root)).rejects.toThrow(BrokenPlatform);
});

it('takes no name that leaves its folder', async () => {
  for (const name of ['../alpha', 'a/b', '', '..', 'A', '__proto__'])
    await expect(loadPlatform(name, root), name).rejects.toThrow('there is no platform of this name');
});

it('knows the platforms of this gateway', async () => {
  for (const { name } of await listPlatforms()) expect((await loadPlatform(name)).manifest.name).toBe(name);
});
