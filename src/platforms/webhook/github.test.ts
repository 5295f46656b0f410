import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeGitHub, startFakeGitHub } from './fake.ts';
import { outcomeOf } from './github.ts';
import { setUp } from './testing.ts';

const token = 'gho_canary0123456789abcdef';
let github: FakeGitHub;
let folder: string;
beforeAll(async () => {
  github = await startFakeGitHub(token);
  folder = mkdtempSync(join(tmpdir(), 'gh-'));
});
afterAll(async () => {
  await github.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => github.calm());

const through = (gh = github.gh, env: object = github.env) => setUp({}, { gh, gh_env: env });
const script = (lines: string) => {
  const file = join(folder, `gh-${Math.random()}`);
  writeFileSync(file, `#!/bin/sh\n${lines}\n`);
  chmodSync(file, 0o755);
  return file;
};

describe('a comment', () => {
  it('is written by gh, whatever its text holds', async () => {
    const text = `$(rm -rf /) \`x\` "'\n--repo evil/repo ${'😀'.repeat(1_000)}`;
    const outcome = await through().deliver('github:octo/repo#2', text);
    expect(outcome).toEqual({ kind: 'sent', id: github.seen.at(-1)?.id });
    expect(github.seen.at(-1)).toMatchObject({ chat: 'github:octo/repo#2', text });
  });

  it('gives gh exactly these arguments, the text over stdin, and an environment of its own', async () => {
    const seen = join(folder, 'seen');
    const gh = script(`{ for a in "$@"; do echo "[$a]"; done; env | sort; cat; } > '${seen}'`);
    const { deliver } = through(gh, { PATH: '/usr/bin:/bin', GH_TOKEN: token });
    expect((await deliver('github:octo/repo#7', 'the text')).kind).toBe('sent');
    const lines = readFileSync(seen, 'utf8').split('\n');
    expect(lines.slice(0, 7)).toEqual([
      '[issue]',
      '[comment]',
      '[7]',
      '[--repo]',
      '[octo/repo]',
      '[--body-file]',
      '[-]',
    ]);
    expect(lines.at(-1)).toBe('the text');
    const names = lines.slice(7, -1).map((line) => line.split('=')[0]);
    expect(names.filter((name) => !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name!))).toEqual([
      'GH_NO_UPDATE_NOTIFIER',
      'GH_PROMPT_DISABLED',
      'GH_TOKEN',
      'NO_COLOR',
      'PATH',
    ]);
  });

  it('on an issue that does not exist is rejected, on a chat that is none not even tried', async () => {
    expect(await through().deliver('github:octo/repo#99', 'x')).toMatchObject({
      kind: 'rejected',
      code: 'gone',
    });
    const before = github.calls;
    expect(await through().deliver('github:octo/repo#1; rm', 'x')).toMatchObject({ code: 'gone' });
    expect(github.calls).toBe(before);
  });

  it('waits for a login instead of being lost, and no token is in what is said', async () => {
    for (const env of [
      { ...github.env, GH_TOKEN: '' },
      { ...github.env, GH_TOKEN: `${token}x` },
    ]) {
      const { deliver, log } = through(github.gh, env);
      const outcome = await deliver('github:octo/repo#1', 'x');
      expect(outcome).toMatchObject({ kind: 'retry', scope: 'account' });
      expect(JSON.stringify([outcome, log])).not.toContain(token);
    }
  });

  it('of a gateway without gh is rejected with the reason', async () => {
    expect(await through(join(folder, 'none')).deliver('github:octo/repo#1', 'x')).toEqual({
      kind: 'rejected',
      code: 'other',
      why: 'gh CLI not installed (ENOENT)',
    });
  });

  it('that gh refuses with a message of its own says so', async () => {
    const outcome = await through(script('echo "GraphQL: something new" >&2; exit 1')).deliver(
      'github:a/b#1',
      'x',
    );
    expect(outcome).toEqual({ kind: 'rejected', code: 'other', why: 'GraphQL: something new' });
  });

  it('whose gh neither ends nor reads is killed with the signal, and nobody knows what it did', async () => {
    const { deliver } = through(script('sleep 60'));
    const abort = new AbortController();
    const delivery = deliver('github:a/b#1', 'x'.repeat(1_000_000), abort.signal);
    setTimeout(() => abort.abort(), 50);
    expect((await delivery).kind).toBe('unknown');
  });

  it('of a program that floods its output ends all the same', async () => {
    const flood = script('head -c 5000000 /dev/zero | tr "\\0" x >&2; exit 1');
    const outcome = await through(flood).deliver('github:a/b#1', 'x');
    expect(outcome).toMatchObject({ kind: 'unknown' });
    expect(JSON.stringify(outcome).length).toBeLessThan(1_000);
  });
});

describe('what gh says means', () => {
  const table: Readonly<Record<string, string>> = {
    'HTTP 401: Bad credentials (https://api.github.com/graphql)': 'retry',
    'HTTP 403: Resource not accessible by integration': 'rejected forbidden',
    'HTTP 403: You have exceeded a secondary rate limit': 'retry',
    'HTTP 429: Too Many Requests': 'retry',
    'HTTP 404: Not Found (https://api.github.com/)': 'rejected gone',
    'HTTP 422: Unprocessable Entity': 'rejected other',
    'HTTP 500: Internal Server Error': 'unknown',
    'HTTP 502: Bad Gateway (https://api.github.com/graphql)': 'unknown',
    'GraphQL: was submitted too quickly (addComment)': 'retry',
    'GraphQL: Could not resolve to a Repository with the name': 'rejected gone',
    'GraphQL: Body is too long (maximum is 65536 characters) (addComment)': 'rejected too-long',
    'GraphQL: Unable to create comment because issue is locked. (addComment)': 'rejected forbidden',
    'error connecting to api.github.com\ncheck your internet connection': 'retry',
    'Post "https://api.github.com/graphql": dial tcp: connect: connection refused': 'retry',
    'Post "https://api.github.com/graphql": EOF': 'unknown',
    'context deadline exceeded': 'unknown',
    '': 'unknown',
  };
  for (const [err, expected] of Object.entries(table))
    it(`${expected}: ${JSON.stringify(err)}`, () => {
      const outcome = outcomeOf({ kind: 'exit', code: 1, out: '', err });
      expect(outcome.kind === 'rejected' ? `rejected ${outcome.code}` : outcome.kind).toBe(expected);
    });

  it('for every status that it was not sent, and that nobody knows after an error of the server', () => {
    for (let status = 400; status < 600; status += 1) {
      const err = `HTTP ${status}: injected (https://api.github.com/graphql)`;
      const { kind } = outcomeOf({ kind: 'exit', code: 1, out: '', err });
      const expected =
        status === 401 || status === 429 ? 'retry' : status === 408 || status >= 500 ? 'unknown' : 'rejected';
      expect(kind, err).toBe(expected);
    }
  });

  it('retry, when there are too many processes at the moment', () => {
    expect(outcomeOf({ kind: 'not-started', code: 'EAGAIN' }).kind).toBe('retry');
  });
});
