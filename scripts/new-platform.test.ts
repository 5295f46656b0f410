import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { listPlatforms, loadPlatform } from '../src/platforms/registry.ts';
import { check, sourceFiles } from './imports.ts';
import { newPlatform, platformFiles } from './new-platform.ts';

// Inside the repository, so that packages and sources resolve, and where no other test run looks for tests.
const scratch = resolve(import.meta.dirname, '../.scratch');
await mkdir(scratch, { recursive: true });
await writeFile(join(scratch, '.gitignore'), '*\n');
const parent = await mkdtemp(join(scratch, 'platforms-'));
const folder = await newPlatform('sample_net', parent);
afterAll(() => rm(parent, { recursive: true, force: true }));

// The new platform's own test file, as it is: its items become tests of this file.
await import(pathToFileURL(join(folder, 'conformance.test.ts')).href);

describe('a new platform', () => {
  it('is found by the registry without any other edit', async () => {
    expect((await listPlatforms(parent)).map(({ name, title }) => [name, title])).toEqual([
      ['sample_net', 'Sample Net'],
    ]);
    const platform = await loadPlatform('sample_net', parent);
    expect(platform.manifest.env.enabledBy).toEqual(['SAMPLE_NET_TOKEN']);
    expect(Object.keys(platform.config.env)).toContain('SAMPLE_NET_TOKEN');
  });

  it('has nothing of the template but its shape', async () => {
    const files = await readdir(folder, { recursive: true });
    expect(files).toEqual(expect.arrayContaining(['adapter.ts', 'fake.ts', 'manifest.ts', 'README.md']));
    for (const file of files.filter((name) => /\.\w+$/.test(name)))
      expect(await readFile(join(folder, file), 'utf8'), file).not.toMatch(/echonet|platform-template/i);
  });

  it('keeps the import rules where it will live', async () => {
    const root = resolve(import.meta.dirname, '..');
    const made = await platformFiles('sample_net', join(root, 'src/platforms/sample_net'));
    const sources = [...made].filter(([file]) => file.endsWith('.ts'));
    const tree = new Map([
      ...sourceFiles(root),
      ...sources.map(([file, text]) => [relative(root, file), text] as const),
    ]);
    expect(check(tree).filter((problem) => problem.includes('sample_net'))).toEqual([]);
  });

  it('never overwrites a folder', async () => {
    await expect(newPlatform('sample_net', parent)).rejects.toThrow('already there');
    expect(existsSync(join(folder, 'adapter.ts'))).toBe(true);
  });

  it('needs a name that can be a folder and a variable', async () => {
    for (const name of ['', 'Sample', '../x', 'a-b', '1net', 'a/b'])
      await expect(newPlatform(name, parent), name).rejects.toThrow('A platform name is');
  });
});
