/** Commands that would never come back in the foreground (agent-runtime §16.1), found by their shape alone. */

import { type Call, callsOf } from '../guard/calls.ts';
import { type Simple, scan } from '../guard/scan.ts';

const detachers = new Set(['nohup', 'disown', 'setsid']);
const packageManagers = new Set(['npm', 'pnpm', 'yarn', 'bun', 'deno']);
const serverScript = /^(?:dev|start|serve|watch)(?::|$)/;

/** Program → first operands that start a server or watcher; an empty string means "without operand". */
const servers: Readonly<Record<string, readonly string[]>> = {
  next: ['dev', 'start'],
  nuxt: ['dev', 'start', 'preview'],
  vite: ['', 'dev', 'serve', 'preview'],
  astro: ['dev', 'preview'],
  remix: ['dev'],
  ng: ['serve'],
  gatsby: ['develop', 'serve'],
  webpack: ['serve', 'watch'],
  'react-scripts': ['start'],
  'vue-cli-service': ['serve'],
  wrangler: ['dev'],
  flask: ['run'],
  rails: ['s', 'server'],
  hugo: ['server', 'serve'],
  jekyll: ['serve', 's'],
  mkdocs: ['serve'],
  cargo: ['watch'],
  php: ['-S'],
};
const alwaysServers = new Set(
  'nodemon uvicorn gunicorn hypercorn daphne webpack-dev-server http-server live-server json-server ts-node-dev browser-sync'.split(
    ' ',
  ),
);

/** What to tell the model, or undefined when the command may run in the foreground. */
export function shapeProblem(command: string): string | undefined {
  const { commands } = scan(command);
  const advice = 'Use background=true instead, then look at it with the process tool.';
  if (hasDetached(commands)) {
    return `Foreground commands must not be sent to the background by the shell ('&', nohup, disown, setsid). ${advice}`;
  }
  for (const call of callsOf(command).calls) {
    if (call.args.some((arg) => arg === '--help' || arg === '--version')) continue;
    if (isServer(call)) return `This looks like a server or watcher that does not end by itself. ${advice}`;
  }
  return undefined;
}

function hasDetached(commands: readonly Simple[]): boolean {
  return commands.some((simple) => {
    const names = simple.words.map((word) => word.text);
    if (names.includes('--help') || names.includes('--version')) return false;
    const first = names.find(
      (name) => !/^(?:[a-z_]\w{0,100}=|[!{]$|then$|do$|else$|exec$|sudo$|env$)/i.test(name),
    );
    return (first !== undefined && detachers.has(first)) || simple.end === '&';
  });
}

function isServer(call: Call): boolean {
  const { name, args } = call;
  if (alwaysServers.has(name)) return true;
  if (packageManagers.has(name)) {
    const rest = args.filter((arg) => !arg.startsWith('-'));
    const script = rest[0] === 'run' || rest[0] === 'task' ? rest[1] : rest[0];
    return serverScript.test(script ?? '');
  }
  if (name === 'npx' || name === 'bunx') {
    const at = args.findIndex((arg) => !arg.startsWith('-'));
    return at >= 0 && isServer({ ...call, name: args[at]!, args: args.slice(at + 1) });
  }
  if (/^python[\d.]{0,6}$/.test(name)) {
    const at = args.indexOf('-m');
    if (at >= 0) {
      const module = args[at + 1] ?? '';
      return module === 'http.server' || isServer({ ...call, name: module, args: args.slice(at + 2) });
    }
    return /(?:^|\/)manage\.py$/.test(args[0] ?? '') && args[1] === 'runserver';
  }
  if (name === 'docker' || name === 'docker-compose') {
    const rest = name === 'docker' ? args.slice(1) : args;
    return (
      (name !== 'docker' || args[0] === 'compose') &&
      rest.includes('up') &&
      !rest.some((arg) => arg === '-d' || arg === '--detach' || arg === '--wait')
    );
  }
  if (name === 'php' && args[0] === 'artisan') return args[1] === 'serve';
  if (name === 'tail') return args.some((arg) => arg === '-f' || arg === '-F' || arg === '--follow');
  const first = Object.hasOwn(servers, name) ? servers[name] : undefined;
  return first?.includes(args[0] ?? '') ?? false;
}
