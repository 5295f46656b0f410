import { chmodSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadSettings } from './load.ts';
import { type TestHome, testHome } from './testing.ts';
import { writeConfig } from './write.ts';

let home: TestHome;
beforeEach(() => {
  home = testHome();
});
afterEach(() => home.remove());

const read = (name: string) => readFileSync(join(home.path, name), 'utf8');

it('keeps comments, unknown keys and the order of config.yaml', () => {
  home.write('config.yaml', '# mine\nmodel: old # short\nown: [1, 2]\n');
  writeConfig(home.path, 'agent.max_turns', '12');
  expect(read('config.yaml')).toBe('# mine\nmodel: old # short\nown: [ 1, 2 ]\nagent:\n  max_turns: 12\n');
});

it('turns the short form of model into a mapping', async () => {
  home.write('config.yaml', 'model: old\n');
  writeConfig(home.path, 'model.provider', 'openrouter');
  const { settings } = await loadSettings({ env: {}, home: home.path, platforms: [] });
  expect(settings.model.provider).toBe('openrouter');
});

it.each(['plain', 'with space', 'a#b', 'it\'s "quoted"', '$HOME', 'x=y', ' padded '])(
  'writes the secret %j to .env so that it reads back unchanged',
  async (secret) => {
    writeConfig(home.path, 'OPENROUTER_API_KEY', secret);
    const { settings } = await loadSettings({ env: {}, home: home.path, platforms: [] });
    expect(settings.providerEnv).toEqual({ OPENROUTER_API_KEY: secret });
  },
);

it('replaces a variable in place and removes later copies of it', () => {
  home.write('.env', '# keys\nA=1\nexport API_SERVER_KEY=old\nB=2\nAPI_SERVER_KEY=older\n');
  writeConfig(home.path, 'platforms.api_server.key', 'new-secret');
  expect(read('.env')).toBe('# keys\nA=1\nAPI_SERVER_KEY=new-secret\nB=2\n');
});

it('writes both files for the owner alone, even over a file others could read', () => {
  chmodSync(home.write('config.yaml', 'a: 1\n'), 0o644);
  writeConfig(home.path, 'timezone', 'UTC');
  writeConfig(home.path, 'X_TOKEN', 'value');
  for (const name of ['config.yaml', '.env'])
    expect(statSync(join(home.path, name)).mode & 0o777).toBe(0o600);
  expect(statSync(home.path).mode & 0o777).toBe(0o700);
});

it('follows a symbolic link instead of replacing it', () => {
  const target = home.write('real.yaml', 'a: 1\n');
  symlinkSync(target, join(home.path, 'config.yaml'));
  writeConfig(home.path, 'timezone', 'UTC');
  expect(readFileSync(target, 'utf8')).toContain('timezone: UTC');
});

it('refuses a value the key cannot hold and a file it cannot read, and leaves the file alone', () => {
  home.write('config.yaml', 'a: [\n');
  expect(() => writeConfig(home.path, 'timezone', 'UTC')).toThrow(/config\.yaml/);
  home.write('config.yaml', 'a: 1\n');
  expect(() => writeConfig(home.path, 'agent.max_turns', 'many')).toThrow(/whole number/);
  expect(() => writeConfig(home.path, 'A_TOKEN', 'two\nlines')).toThrow(/line breaks/);
  expect(read('config.yaml')).toBe('a: 1\n');
});
