/**
 * The `gh` program, as far as comments go: strict about its arguments, with the words and exit codes of the real one
 * (https://cli.github.com/manual/gh_issue_comment, `gh help exit-codes`). Talks to the fake GitHub at `GH_HOST`.
 */
import { text } from 'node:stream/consumers';

/** The file `gh` puts its environment first: host and token, as the real program reads them. */
const [, , host = '', token = '', ...args] = process.argv;

function end(code: number, words: string): never {
  process.stderr.write(`${words}\n`);
  process.exit(code);
}

const flags = new Map<string, string>();
const rest: string[] = [];
for (let at = 2; at < args.length; at += 1) {
  const arg = args[at] ?? '';
  if (!arg.startsWith('-') || arg === '-') rest.push(arg);
  else if (arg !== '--repo' && arg !== '--body-file') end(1, `unknown flag: ${arg}`);
  else flags.set(arg, args[++at] ?? end(1, `flag needs an argument: ${arg}`));
}
if (args[0] !== 'issue' || args[1] !== 'comment') end(1, `unknown command "${args.join(' ')}" for "gh"`);
const [number, ...more] = rest;
const repo = flags.get('--repo') ?? end(1, 'expected the "[HOST/]OWNER/REPO" format');
if (number === undefined || more.length > 0) end(1, `accepts 1 arg(s), received ${rest.length}`);
if (flags.get('--body-file') !== '-') end(1, 'body required when not running interactively');

if (!token) end(4, 'To get started with GitHub CLI, please run:  gh auth login');
const url = `${host}/repos/${repo}/issues/${number}/comments`;

const response = await fetch(url, {
  method: 'POST',
  headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
  body: JSON.stringify({ body: await text(process.stdin) }),
}).catch((error: { cause?: { code?: string } }) =>
  error.cause?.code === 'ECONNREFUSED'
    ? end(1, `Post "${url}": dial tcp ${host}: connect: connection refused`)
    : end(1, `Post "${url}": EOF`),
);
const answer = await response.text().catch(() => end(1, 'unexpected EOF'));
let value: { html_url?: string; graphql?: string } = {};
try {
  value = JSON.parse(answer);
} catch {
  if (response.ok) end(1, `invalid character '${answer.slice(0, 1)}' looking for beginning of value`);
}
if (value.graphql !== undefined) end(1, `GraphQL: ${value.graphql}`);
if (!response.ok)
  end(response.status === 401 ? 4 : 1, `HTTP ${response.status}: ${response.statusText} (${url})`);
process.stdout.write(`${value.html_url}\n`);
