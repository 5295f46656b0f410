/**
 * Which part may import which (docs/architecture.md, "Layout"). Imports point downwards only. Entries are folders or
 * single modules below `src/`; a part may always import itself.
 */
export const parts: Readonly<Record<string, readonly string[]>> = {
  core: [],
  text: [],
  texts: [],
  config: ['core', 'text'],
  store: ['core', 'config/settings'],
  net: ['core'],
  files: ['core', 'net', 'text'],
  agent: ['core', 'config', 'text', 'net', 'version'],
  session: ['core', 'config', 'store', 'texts', 'intake/envelope'],
  intake: ['core', 'config', 'store', 'session', 'turn/contract'],
  outbox: ['core', 'config', 'store', 'text', 'texts', 'net', 'platforms/contract'],
  turn: ['core', 'config', 'store', 'texts', 'session', 'intake', 'outbox', 'agent/contract'],
  platforms: ['core', 'text', 'net'],
  api: ['core', 'config', 'net', 'files', 'text', 'agent/contract', 'turn/contract'],
  supervise: ['core', 'config', 'store', 'intake', 'outbox', 'net', 'platforms', 'api/health'],
  cli: [
    'core',
    'config',
    'text',
    'texts',
    'platforms',
    'supervise',
    'gateway',
    'version',
    'agent/contract',
    'turn/contract',
  ],
};

/** Packages that only one part may use. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  'node:sqlite': ['store'],
  kysely: ['store'],
  pg: ['store'],
  fastify: ['api'],
  commander: ['cli'],
  '@clack/prompts': ['cli'],
  pino: ['cli'],
  marked: ['text'],
};

/** What must not be imported for its values, and what to do instead. */
export const instead: Readonly<Record<string, string>> = {
  'node:http': 'take it from src/net/http.ts, which does not load the built-in fetch with it',
};

/** Files that may reach across: the composition root, tests and what only tests use. */
export const exempt: readonly RegExp[] = [
  /^src\/gateway\.ts$/,
  /\.test\.ts$/,
  /\/testing\//,
  /\/testing\.ts$/,
  /^src\/text\/arbitrary\.ts$/,
  /^src\/store\/contract\.ts$/,
];

/** Only this part reads the environment. */
export const environmentReader = 'config';
