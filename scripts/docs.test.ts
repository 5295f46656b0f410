/** What the documentation says can be followed: links, named tests, commands, examples of the configuration. */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { knownPlatforms } from '../src/cli/platforms.ts';
import { loadSettings } from '../src/config/load.ts';
import { describeProblem } from '../src/config/problem.ts';
import { listPlatforms, loadPlatform } from '../src/platforms/registry.ts';

const root = resolve(import.meta.dirname, '..');
const written = ['docs/**/*.md', 'src/platforms/*/README.md'];
const pages = ['README.md', 'CONTRIBUTING.md', ...globSync(written, { cwd: root })].map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));

describe.each(pages)('$path', ({ path, text }) => {
  it('links only to what is there', () => {
    expect(brokenLinks(path, text)).toEqual([]);
  });

  it('names only commands and scripts that exist', () => {
    expect(unknownCommands(text)).toEqual([]);
  });

  it('shows only configuration that is accepted without a complaint', async () => {
    const found = await Promise.all(fences(text, 'yaml').map(problemsOf));
    expect(found.flat()).toEqual([]);
  });
});

describe('the page of a platform', async () => {
  it.each(await listPlatforms())('$name names every setting, variable and secret of it', async ({ name }) => {
    const text = pages.find(({ path }) => path === `src/platforms/${name}/README.md`)?.text ?? '';
    const { config, manifest } = await loadPlatform(name);
    const schema = z.toJSONSchema(config.schema, { io: 'input', unrepresentable: 'any' });
    const variables = Object.values(manifest.env).flat();
    const names = [
      ...Object.keys(schema.properties ?? {}),
      ...Object.keys(config.env),
      ...variables,
      ...(manifest.sections ?? []),
    ];
    const said = new Set(text.match(/[A-Za-z_]+/g));
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((each) => !said.has(each))).toEqual([]);
  });
});

describe('the guarantees', () => {
  const page = pages.find(({ path }) => path === 'docs/guarantees.md')?.text ?? '';

  it('name tests that exist where they say', () => {
    const claims = namedTests(page);
    expect(claims.length).toBeGreaterThan(30);
    expect(claims.filter(({ title, file }) => !hasTest(join(root, 'docs', file), title))).toEqual([]);
  });

  it('name a test for every promise', () => {
    const promises = page.match(/^\d+\. \*\*[\s\S]*?(?=^\d+\. \*\*|^All of it)/gm) ?? [];
    expect(promises.length).toBeGreaterThanOrEqual(9);
    expect(promises.filter((promise) => namedTests(promise).length === 0)).toEqual([]);
  });

  it.each(['README.md', 'docs/guarantees.md'])('promise in %s no more than the code can keep', (path) => {
    const text = pages.find((each) => each.path === path)?.text ?? '';
    // Named tests and keys are quoted as they are.
    const prose = text.replace(/"[^"]+"\s+in\s+\[|`[^`]*`/g, '');
    expect(prose.match(/exactly[- ]once|guaranteed delivery|\bnever\b/gi) ?? []).toEqual([]);
  });
});

describe('the acceptance list', () => {
  const page = pages.find(({ path }) => path === 'docs/acceptance.md')?.text ?? '';

  it.each([
    ['Webhooks', 18],
    ['WeCom', 23],
  ])('has every case of %s with a test', (title, count) => {
    const section = page.split(/^## /m).find((each) => each.startsWith(`${title}\n`)) ?? '';
    const cases = section.split('\n').filter((line) => /^\| \d+ /.test(line));
    const tested = cases.filter((line) => namedTests(line).length > 0);
    expect(tested.map((line) => Number(/\d+/.exec(line)?.[0]))).toEqual(
      Array.from({ length: count }, (_, index) => index + 1),
    );
  });

  it('has every case of the API server with a test, or says why not', () => {
    const section = page.split(/^## /m).find((each) => each.startsWith('API server\n')) ?? '';
    const cases = section.split('\n').filter((line) => /^\| \d+ /.test(line));
    const numberOf = (line: string) => Number(/\d+/.exec(line)?.[0]);
    // Runs, jobs and sessions are told elsewhere.
    const own = Array.from({ length: 106 }, (_, index) => index + 1).filter(
      (number) => number <= 84 || [102, 103, 106].includes(number),
    );
    expect(cases.map(numberOf)).toEqual(own);
    const untested = cases.filter((line) => namedTests(line).length === 0);
    expect(untested.map((line) => line.split(' | ')[1])).toEqual([
      'does not happen: a session keeps its id through compression |',
    ]);
  });

  it('names tests that exist where it says', () => {
    const claims = namedTests(page);
    expect(claims.length).toBeGreaterThan(20);
    expect(claims.filter(({ title, file }) => !hasTest(join(root, 'docs', file), title))).toEqual([]);
  });
});

describe('the checks themselves', () => {
  it('find a link to nothing and to a heading that is not there', () => {
    expect(
      brokenLinks('docs/x.md', '[a](nowhere.md) [b](guarantees.md#no-such-heading) [c](guarantees.md)'),
    ).toEqual(['nowhere.md', 'guarantees.md#no-such-heading']);
  });

  it('find a test that is only mentioned', () => {
    expect(hasTest(join(root, 'src/turn/engine.test.ts'), 'a test nobody wrote')).toBe(false);
  });

  it('find a command that does not exist', () => {
    expect(unknownCommands('`hermes fly`, `hermes gateway run`\n```sh\nnpm run nothing\n```')).toEqual([
      'hermes fly',
      'npm run nothing',
    ]);
  });
});

function fences(text: string, language: string): string[] {
  return [...text.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)]
    .filter((match) => match[1] === language)
    .map((match) => match[2] ?? '');
}

function brokenLinks(path: string, text: string): string[] {
  const prose = text.replace(/^ *```[\s\S]*?^ *```$/gm, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [file = '', anchor] = target.split('#');
    const found = file === '' ? join(root, path) : join(root, dirname(path), file);
    if (!existsSync(found)) return true;
    return anchor !== undefined && !(statSync(found).isFile() && anchors(found).has(anchor));
  });
}

/** Anchors as GitHub makes them. */
function anchors(file: string): ReadonlySet<string> {
  const headings = readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm);
  const slug = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
  return new Set([...headings].map((match) => slug(match[1] ?? '')));
}

/** `"title" in [name](file)`, also across lines. */
function namedTests(text: string): { readonly title: string; readonly file: string }[] {
  return [...text.matchAll(/"([^"]+)"[^"[]*?\sin\s+\[[^\]]+\]\(([^)]+)\)/g)].map((match) => ({
    title: (match[1] ?? '').replace(/\s+/g, ' '),
    file: match[2] ?? '',
  }));
}

/** The title of a test, or the sentence of an item of the conformance kit. */
function hasTest(file: string, title: string): boolean {
  const literal = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  // The first argument of `it`, `test`, or of what their `each` gives back, or the first cell of a row of their table.
  const call = String.raw`(?:\b(?:it|test)(?:\.\w+)?\(|\)\(|says:|\[)`;
  return new RegExp(`${call}\\s*(['"\`])${literal}\\1`).test(readFileSync(file, 'utf8'));
}

/** Commands in code, checked against the generated page of the command line and package.json. */
function unknownCommands(text: string): string[] {
  const cli = readFileSync(join(root, 'docs/reference/cli.md'), 'utf8');
  const known = new Set([...cli.matchAll(/^## `hermes ?([^`]*)`$/gm)].map((match) => match[1] ?? ''));
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const snippets = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? '');
  const lines = [...snippets, ...fences(text, 'sh').flatMap((fence) => fence.split('\n'))];
  const parts = lines.flatMap((line) => line.split('&&').map((part) => part.trim()));
  return parts.filter((part) => {
    const script = /^npm run ([\w-]+)/.exec(part)?.[1];
    if (script !== undefined) return !(script in scripts);
    const file = /^node ((?:scripts|testkit|bench)\/\S+\.ts)/.exec(part)?.[1];
    if (file !== undefined) return !existsSync(join(root, file));
    const words = /^(?:node bin\/hermes\.js|hermes) ((?:[a-z-]+ ?)+)/.exec(part)?.[1]?.trim().split(' ');
    if (words === undefined) return false;
    const [first = '', second = ''] = words;
    const isGroup = [...known].some((name) => name.startsWith(`${first} `));
    const command = isGroup && second !== '' && !second.startsWith('-') ? `${first} ${second}` : first;
    return !known.has(command);
  });
}

/** A platform without a credential is no mistake of an example. */
async function problemsOf(yaml: string): Promise<string[]> {
  const home = mkdtempSync(join(tmpdir(), 'hermes-docs-'));
  try {
    writeFileSync(join(home, 'config.yaml'), yaml);
    const env = { TELEGRAM_BOT_TOKEN: `123456789:${'a'.repeat(35)}` };
    const { problems } = await loadSettings({ env, home, platforms: await knownPlatforms() });
    return problems.map(describeProblem);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
