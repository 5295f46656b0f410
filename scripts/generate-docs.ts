/**
 * `npm run docs`: writes the reference pages from the same data the product runs on (table of keys, manifests, error
 * catalogue, providers, tools, chat commands, help of the commands). `--check` writes nothing and fails when a page
 * is out of date.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import { customNames, providers } from '../src/agent/models/registry.ts';
import { openTools } from '../src/agent/tools/index.ts';
import { chatFields } from '../src/api/chat/fields.ts';
import type { FieldRules } from '../src/api/fields.ts';
import { responsesFields } from '../src/api/responses/fields.ts';
import { type Key, keys } from '../src/config/keys.ts';
import { loadSettings } from '../src/config/load.ts';
import { systemClock } from '../src/core/clock.ts';
import { catalogue } from '../src/core/errors.ts';
import type { Limit, Manifest } from '../src/core/manifest.ts';
import type { Platform } from '../src/platforms/contract.ts';
import { listPlatforms, loadPlatform } from '../src/platforms/registry.ts';
import { chatCommands } from '../src/session/commands/list.ts';

const root = resolve(import.meta.dirname, '..');
const note = '<!-- Written by `npm run docs`. Edit the source named below, not this page. -->';

/** Every generated file, by path from the project's root, with the text it should have. */
export async function generatedDocs(): Promise<ReadonlyMap<string, string>> {
  const manifests = await listPlatforms();
  const platforms = await Promise.all(manifests.map(({ name }) => loadPlatform(name)));
  return new Map([
    ['docs/configuration.md', withKeys(readFileSync(join(root, 'docs/configuration.md'), 'utf8'))],
    ['docs/reference/platforms.md', platformsPage(platforms)],
    ['docs/reference/errors.md', errorsPage()],
    ['docs/reference/providers.md', providersPage()],
    ['docs/reference/tools.md', await toolsPage()],
    ['docs/reference/cli.md', await cliPage()],
    ['docs/reference/api-fields.md', fieldsPage()],
  ]);
}

/** Paths of the pages whose text on disk is another one. */
export async function outdated(): Promise<readonly string[]> {
  const docs = await generatedDocs();
  return [...docs].flatMap(([path, text]) => {
    const file = join(root, path);
    return existsSync(file) && readFileSync(file, 'utf8') === text ? [] : [path];
  });
}

/* ---- Markdown ---- */

const code = (text: string) => `\`${text}\``;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

function page(title: string, source: string, ...blocks: readonly string[]): string {
  return `${[`# ${title}`, note, `Source: ${source}.`, ...blocks].join('\n\n')}\n`;
}

/* ---- keys of config.yaml ---- */

/** Headings of the table; a key goes to the first topic one of whose prefixes it has. */
const topics: readonly (readonly [string, RegExp])[] = [
  ['Model', /^(model|providers|custom_providers|fallback_providers)\b/],
  ['Agent', /^(agent|HERMES_EPHEMERAL|tool_output|file_read)/],
  [
    'API server',
    /^(platforms\.api_server|display\.platforms\.api_server|gateway\.(auth|trustedProxies|allowRealIp))/,
  ],
  ['Who may talk, and with which tools', /^(GATEWAY_ALLOW|platform_toolsets)/],
  ['Commands and safety', /^(terminal|MESSAGING_CWD|SUDO|approvals|command_allowlist|security|HERMES_)/],
  ['Conversations', /^(group_sessions|thread_sessions|session_reset|display)/],
  ['Place, database, logs', /./],
];

const begin = '<!-- generated: keys -->';
const end = '<!-- /generated -->';

/** Replaces what stands between the two markers; everything else of the page is written by hand. */
export function withKeys(pageText: string): string {
  const from = pageText.indexOf(begin);
  const to = pageText.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`docs/configuration.md lacks ${begin} … ${end}`);
  return `${pageText.slice(0, from)}${begin}\n\n${keyTables()}\n\n${pageText.slice(to)}`;
}

function keyTables(): string {
  const known = Object.entries(keys as Readonly<Record<string, Key>>);
  const effective = known.filter(([, key]) => key.field !== undefined);
  const silent = known.filter(([, key]) => key.field === undefined).map(([name]) => code(name));
  const groups = topics.map(([title], index) => {
    const mine = effective.filter(([name]) => topicOf(name) === index);
    return `### ${title}\n\n${table(['key', 'variable', 'value', 'default', 'meaning'], mine.map(keyRow))}`;
  });
  return [
    ...groups,
    '### Accepted, without effect in this version',
    'These keys of hermes-agent are known, so they are neither reported as mistakes nor lost, but nothing reads them yet. ' +
      '`hermes config explain KEY` says so for each.',
    silent.join(', '),
  ].join('\n\n');
}

const topicOf = (name: string) => topics.findIndex(([, prefix]) => prefix.test(name));

function keyRow([name, key]: readonly [string, Key]): string[] {
  const isVariable = /^[A-Z]/.test(name);
  const variable = isVariable ? name : (key.env ?? '');
  const marks = [
    key.secret ? 'Secret.' : '',
    key.bridged ? 'The file beats the variable.' : '',
    key.guard ? '⛨' : '',
  ];
  return [
    isVariable ? '' : code(name),
    variable === '' ? '' : code(variable),
    expected(key),
    key.fallback === undefined || key.fallback === '' ? '' : code(shown(key.fallback)),
    [key.about, ...marks].filter((text) => text !== '').join(' '),
  ];
}

/** What the key's own reader says it wants: no value of any key is a symbol. */
function expected(key: Key): string {
  const result = key.value.safeParse(Symbol('no value'));
  return result.success ? 'anything' : (result.error.issues[0]?.message ?? '').replace(/^expected /, '');
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/* ---- fields of API requests ---- */

function fieldsPage(): string {
  const rows = (rules: FieldRules) =>
    Object.entries(rules)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { ruling, note: about }]) => [code(name), ruling, about]);
  const head = ['field', 'what becomes of it', ''];
  return page(
    'Fields of API requests',
    '`src/api/responses/fields.ts` and `src/api/chat/fields.ts`',
    'Nothing a client sends is dropped silently. **honoured**: the gateway acts on it. **passed on**: the model gets it; ' +
      'where it does not take it, `warnings` of the answer say so. **kept**: stored and repeated, without another effect. ' +
      '**reported**: no effect, and the name comes back in the header `X-Hermes-Ignored`, as do names nobody knows and places of texts that were cut at 65,536 characters. ' +
      '**refused**: 400 for every value that would need it.',
    `## \`POST /v1/responses\`\n\n${table(head, rows(responsesFields))}`,
    `## \`POST /v1/chat/completions\`\n\n${table(head, rows(chatFields))}`,
  );
}

/* ---- platforms ---- */

function platformsPage(platforms: readonly Platform<unknown>[]): string {
  return page(
    'Platforms',
    '`src/platforms/*/manifest.ts` and `config.ts`',
    'What the gateway knows about each chat network: all of it is data that the outbox, `status` and the tests read too. ' +
      'How to connect one is in the [guides](../guides/), how to add one in [platforms](../platforms.md).',
    ...platforms.map(platformSection),
  );
}

function platformSection({ manifest, config }: Platform<unknown>): string {
  return [
    `## ${manifest.title}`,
    table(
      ['', ''],
      facts(manifest).map(([name, value]) => [`**${name}**`, value]),
    ),
    `### Settings of ${manifest.title}`,
    `Under \`platforms.${manifest.name}\` (or \`${manifest.name}\`) in config.yaml. The variable beats the file.`,
    table(['key', 'variable', 'meaning'], settingRows(manifest, config)),
  ].join('\n\n');
}

function facts(manifest: Manifest): [string, string][] {
  const { capabilities: can, redelivery, idempotency, env } = manifest;
  const { text, buttons } = can;
  const media = Object.entries(can.media);
  return [
    ['switched on by', env.enabledBy.map(code).join(', ')],
    ['events come by', { poll: 'polling', socket: 'a socket', webhook: 'webhook' }[manifest.intake]],
    [
      'events are repeated until confirmed',
      redelivery.windowMs === 'never'
        ? 'no: what arrives while the gateway is down is lost'
        : `for ${duration(redelivery.windowMs)}`,
    ],
    ['one connection per credential', manifest.exclusive ? 'yes' : 'no'],
    ['restarted after silence of', duration(manifest.silenceMs)],
    [
      'a repeated write is recognised',
      {
        key: 'yes, by a key sent along',
        lookup: 'no, but the gateway can look whether it is there',
        none: 'no: an unknown outcome is repeated and marked `maybe_doubled`, or held (`on_unknown`)',
      }[idempotency.kind],
    ],
    [
      'longest message',
      `${text.max} (${units[text.unit]}, ${text.counts === 'source' ? 'with' : 'without'} markup)`,
    ],
    ['rate limits', manifest.limits.map(limit).join('; ')],
    ['edit', can.edit === false ? 'no' : within(can.edit.maxAgeMs)],
    ['delete', can.delete === false ? 'no' : within(can.delete.maxAgeMs)],
    ['typing hint', can.typing === false ? 'no' : 'yes'],
    ['threads', can.threads],
    ['buttons', buttons === false ? 'no' : `${buttons.rows} rows of ${buttons.perRow}`],
    [
      'sends media',
      media.length === 0
        ? 'no'
        : media.map(([kind, { maxBytes }]) => `${kind} up to ${maxBytes} bytes`).join(', '),
    ],
    ['toolset', code(manifest.toolset)],
    ['hosts it may call', manifest.origins.map(code).join(', ')],
  ];
}

const units = { utf16: 'UTF-16 units', codepoint: 'code points', grapheme: 'graphemes', byte: 'bytes' };

function limit({ scope, calls, count, perMs, source }: Limit): string {
  const what = calls === 'all' ? 'call' : 'message';
  return `${count} ${what}${count === 1 ? '' : 's'} per ${duration(perMs)} and ${scope} (${source})`;
}

function within(maxAgeMs: number | undefined): string {
  return maxAgeMs === undefined ? 'yes' : `within ${duration(maxAgeMs)}`;
}

/** The largest whole unit. */
function duration(ms: number): string {
  for (const [name, size] of [
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size} ${name}`;
  }
  return `${ms} ms`;
}

function settingRows(manifest: Manifest, config: Platform<unknown>['config']): string[][] {
  const { env } = manifest;
  const variables = new Map(Object.entries(config.env).map(([variable, key]) => [key, variable]));
  const described = properties(z.toJSONSchema(config.schema, { io: 'input', unrepresentable: 'any' }));
  const own = described.map(([key, about]) => [key, variables.get(key), about] as const);
  const shared = [
    ['allow_from', env.allowedUsers, 'Sender ids that may talk to the agent; `*` = everybody.'],
    ['allow_all_users', env.allowAll, 'Let everybody talk to the agent.'],
    ['group_allow_from', env.groupAllowedUsers, 'Sender ids that may talk to the agent in groups.'],
    ['group_allowed_chats', env.groupAllowedChats, 'Groups in which everybody may talk to the agent.'],
    ['home_channel', env.home, 'The chat for messages without a chat of their own.'],
    ['on_unknown', undefined, '`repeat` or `hold` a text whose outcome is unknown (see guarantees).'],
  ] as const;
  // A platform that describes a shared key itself knows better; the variable is the same.
  const common = new Map<string, string | undefined>(shared.map(([key, variable]) => [key, variable]));
  const said = own.map(([key, variable, about]) => [key, variable ?? common.get(key), about] as const);
  const ownKeys = new Set(own.map(([key]) => key));
  const rest = shared.filter(([key]) => !ownKeys.has(key));
  return [...said, ...rest].map(([key, variable, about]) => [
    code(key),
    variable === undefined ? '' : code(variable),
    manifest.secrets.includes(key) ? `${about} Secret.` : about,
  ]);
}

/** Name and description of every property of an object schema. */
function properties(schema: unknown): [string, string][] {
  const { properties: found = {} } = schema as { properties?: Record<string, { description?: string }> };
  return Object.entries(found).map(([name, { description = '' }]) => [name, description]);
}

/* ---- errors, providers, tools ---- */

function errorsPage(): string {
  const rows = Object.entries(catalogue).map(([name, entry]) => [
    code(name),
    String(entry.status),
    entry.message,
    'fix' in entry ? entry.fix : '',
  ]);
  return page(
    'Errors',
    '`src/core/errors.ts`',
    'Every failure that a person or a program can meet has a stable code. Names in braces are filled in. The status is ' +
      'what an HTTP caller gets; exit codes of the command line are in [operations](../guides/operations.md).',
    table(['code', 'HTTP', 'message', 'what to do'], rows),
  );
}

function providersPage(): string {
  const usable = providers.filter(({ keys: names }) => names.length > 0);
  const closed = providers.filter(({ keys: names }) => names.length === 0).map(({ id }) => code(id));
  return page(
    'Model providers',
    '`src/agent/models/registry.ts`',
    'Values of `model.provider`. With `auto` (the default) the first provider of this table whose key is set is taken, ' +
      'except the ones marked †. How to set one up is in [models](../guides/models.md).',
    table(
      ['provider', 'also called', 'key', 'address, or the variable that changes it', 'default model'],
      usable.map(({ id, aliases, keys: names, baseUrl, baseUrlEnv, defaultModel, auto }) => [
        `${code(id)}${auto === false ? ' †' : ''}`,
        aliases.map(code).join(', '),
        names.map(code).join(', '),
        [baseUrl, baseUrlEnv === undefined ? '' : code(baseUrlEnv)]
          .filter((text) => text !== '')
          .join(' or '),
        defaultModel === undefined ? '' : code(defaultModel),
      ]),
    ),
    `${customNames.map(code).join(', ')} all mean the endpoint in \`model.base_url\`; \`demo\` is the built-in demo model.`,
    `Known but not usable yet, because they need a sign-in: ${closed.join(', ')}.`,
  );
}

async function toolsPage(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'hermes-docs-'));
  const { settings } = await loadSettings({ env: {}, home, platforms: [] });
  const toolbox = openTools({ settings, clock: systemClock, log: () => {} });
  try {
    return page(
      'Tools and chat commands',
      '`src/agent/tools/` and `src/session/commands/`',
      '## Tools of the agent',
      'A tool that is not idempotent runs at most once, also through a crash.',
      table(
        ['tool', 'toolset', 'risk', 'idempotent', 'what the model is told'],
        [...toolbox.tools.values()].map(({ name, toolset, risk, idempotent, description }) => [
          code(name),
          code(toolset),
          risk,
          idempotent ? 'yes' : 'no',
          description.split(/(?<=\.)\s/)[0] ?? '',
        ]),
      ),
      '## Toolsets',
      'Names for `platform_toolsets` and `agent.disabled_toolsets`, with the tools of them that exist today.',
      table(['toolsets', 'tools'], toolsetRows(toolbox.toolsets)),
      '## Chat commands',
      table(
        ['command', 'also', 'what it does'],
        chatCommands.map(({ name, aliases, summary }) => [
          code(`/${name}`),
          aliases.map((alias) => code(`/${alias}`)).join(', '),
          summary,
        ]),
      ),
    );
  } finally {
    await toolbox.close();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Sets of the same tools share a row: most platforms get the same ones. */
function toolsetRows(toolsets: Readonly<Record<string, readonly string[]>>): string[][] {
  const names = Map.groupBy(Object.keys(toolsets), (name) => (toolsets[name] ?? []).map(code).join(', '));
  return [...names]
    .filter(([tools]) => tools !== '')
    .map(([tools, same]) => [same.map(code).join(', '), tools]);
}

/* ---- command line ---- */

async function cliPage(): Promise<string> {
  const found = await helpOf([]);
  const blocks = found.map(
    ({ words, help }) => `## ${code(['hermes', ...words].join(' '))}\n\n\`\`\`text\n${help.trim()}\n\`\`\``,
  );
  return page(
    'Command line',
    '`src/cli/main.ts`',
    'In a checkout write `node bin/hermes.js` for `hermes`. Exit codes are in [operations](../guides/operations.md).',
    ...blocks,
  );
}

interface Help {
  readonly words: readonly string[];
  readonly help: string;
}

/** The help of a command and of everything below it. Printed into a pipe, so that no terminal width decides. */
async function helpOf(words: readonly string[]): Promise<Help[]> {
  const args = [join(root, 'bin/hermes.js'), ...words, '--help'];
  const env = { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  const below = await Promise.all(subcommands(stdout).map((name) => helpOf([...words, name])));
  return [{ words, help: stdout }, ...below.flat()];
}

/** Names in the lists of a help text, except those of options and arguments. */
export function subcommands(help: string): string[] {
  const names: string[] = [];
  let inCommands = false;
  for (const line of help.split('\n')) {
    if (/^\S.*:$/.test(line)) inCommands = !/^(Options|Arguments):$/.test(line);
    const name = /^ {2}([a-z][\w-]*)/.exec(line)?.[1];
    if (inCommands && name !== undefined && name !== 'help') names.push(name);
  }
  return names;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const stale = await outdated();
  if (values.check) {
    for (const path of stale) console.error(`${path} is out of date`);
    console.log(stale.length === 0 ? 'docs: up to date' : 'docs: run `npm run docs`');
    process.exitCode = stale.length === 0 ? 0 : 1;
    return;
  }
  const docs = await generatedDocs();
  for (const path of stale) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), docs.get(path) ?? '');
    console.log(path);
  }
  if (stale.length === 0) console.log('docs: up to date');
}

if (import.meta.main) await main();
