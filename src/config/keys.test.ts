/** Every documented key × {default, environment, file, both, wrong type, misspelt}, generated from the table. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explain } from './explain.ts';
import { type Key, keys } from './keys.ts';
import { type Loaded, loadSettings } from './load.ts';
import { preventsStart } from './problem.ts';
import { isVariable } from './resolve.ts';
import { type TestHome, testHome } from './testing.ts';

let home: TestHome;
beforeAll(() => {
  home = testHome();
});
afterAll(() => home.remove());

const table = (Object.entries(keys) as [string, Key][]).map(([name, key]) => ({
  name,
  key,
  variable: isVariable(name) ? name : key.env,
  path: name.replaceAll('*', 'some'),
  inFile: !isVariable(name),
}));

/** Two values the key takes, different from each other and, where there is a choice, from its default. */
function samples(key: Key): readonly [string, string] {
  const words =
    'one two queue steer smart debug error idle daily deny approve result edit draft separate custom token password';
  const rest =
    'natural ignore pair verbose all new coding messaging per-sender global off mcp_call function_call 7 9 true false {"a":1} {"b":2} [{"a":"1"}] [{"b":"2"}]';
  const candidates = `${words} ${rest}`.split(' ');
  const fallback = JSON.stringify(key.fallback === undefined ? undefined : key.value.parse(key.fallback));
  const taken = candidates
    .map((text) => ({ text, result: key.value.safeParse(text.startsWith('[') ? JSON.parse(text) : text) }))
    .flatMap(({ text, result }) => (result.success ? [{ text, value: JSON.stringify(result.data) }] : []))
    .filter(({ value }) => value !== fallback);
  const first = taken[0];
  const second = taken.find(({ value }) => value !== first?.value) ?? first;
  if (first === undefined || second === undefined) throw new Error('no sample value fits this key');
  return [first.text, second.text];
}

/** YAML for one dotted path. */
function yaml(path: string, value: string): string {
  const segments = path.split('.');
  return segments
    .map(
      (segment, index) =>
        `${'  '.repeat(index)}${segment}:${index === segments.length - 1 ? ` ${value}` : ''}`,
    )
    .join('\n');
}

async function load(files: { config?: string; env?: Record<string, string> }): Promise<Loaded> {
  home.write('config.yaml', files.config ?? '');
  return loadSettings({ env: { HOME: home.path, ...files.env }, home: home.path, platforms: [] });
}

describe.each(table)('$name', ({ name, key, variable, path, inFile }) => {
  const [first, second] = samples(key);

  it('has its documented default when nothing is set, without a problem', async () => {
    const loaded = await load({});
    expect(explain(path, loaded.sources).source).toBe('default');
    expect(loaded.problems).toEqual([]);
  });

  if (variable !== undefined)
    it('is read from its variable', async () => {
      const loaded = await load({ env: { [variable as string]: first } });
      const found = explain(path, loaded.sources);
      expect(found.source).toBe(`environment variable ${variable}`);
      expect(found.problems).toEqual([]);
    });

  if (inFile)
    it('is read from config.yaml and names its line', async () => {
      const loaded = await load({ config: yaml(path, first) });
      const found = explain(path, loaded.sources);
      expect(found.source).toBe(`${home.path}/config.yaml:${path.split('.').length} (${path})`);
      expect(found.problems).toEqual([]);
      expect(
        loaded.problems.filter(({ message, path: at }) => message.includes('unknown') && !isInside(at, path)),
      ).toEqual([]);
    });

  if (inFile && variable !== undefined)
    it('is decided by the documented side when both are set', async () => {
      const loaded = await load({ config: yaml(path, first), env: { [variable as string]: second } });
      const found = explain(path, loaded.sources);
      const fileWins = key.bridged === true;
      expect(found.source.startsWith(fileWins ? home.path : 'environment')).toBe(true);
      const winner = fileWins
        ? found.lost[0]?.source.startsWith('environment')
        : found.lost[0]?.source.startsWith(home.path);
      expect(winner).toBe(true);
      expect(found.lost).toHaveLength(1);
    });

  // Keys under a name the user chooses are read only together with their siblings.
  if (inFile && !takesAnything(key) && !name.includes('*'))
    it('names file and line of a wrong type and does not take it', async () => {
      const loaded = await load({ config: yaml(path, '[[wrong]]') });
      const problem = loaded.problems.find(({ message }) => message.startsWith('expected'));
      expect(problem).toMatchObject({ file: `${home.path}/config.yaml`, line: path.split('.').length });
      expect(preventsStart(problem as NonNullable<typeof problem>)).toBe(key.guard === true);
      expect(explain(path, loaded.sources).source).toBe('default');
    });

  if (inFile && !name.endsWith('*') && !underOpenSection(path))
    it('is suggested when it is misspelt', async () => {
      const misspelt = path.replace(/.$/, 'qq');
      const loaded = await load({ config: yaml(misspelt, first) });
      const problem = loaded.problems.find(({ path: at }) => at === misspelt);
      expect(problem).toMatchObject({ severity: 'warning', line: path.split('.').length });
    });
});

function takesAnything(key: Key): boolean {
  return key.value.safeParse([['wrong']]).success;
}

/** What a list of entries or a mapping holds is checked by its own reader, which the sample is not written for. */
function isInside(at: string, path: string): boolean {
  return at.startsWith(`${path}.`) || at.startsWith(`${path}[`);
}

/** Below these every key is accepted. */
function underOpenSection(path: string): boolean {
  return /^(terminal|display\.platforms|cron|voice|checkpoints|platform_toolsets)\./.test(path);
}

it('every field the table names exists in Settings', async () => {
  const { settings } = await load({
    config: [
      'providers: {some: {base_url: "http://a:1"}}',
      'platform_toolsets: {some: [x]}',
      'store: {url: "postgres://a/b"}',
    ].join('\n'),
  });
  for (const { name, key } of table) {
    if (key.field === undefined) continue;
    const path = key.field.replace('*', 'some').split('.');
    let at: unknown = settings;
    for (const segment of path) {
      expect(at, `${name} → ${key.field}`).toHaveProperty([segment]);
      at = (at as Record<string, unknown>)[segment];
    }
  }
});
