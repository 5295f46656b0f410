// Which Node runs the product. Plain JavaScript that every Node since 16 can parse: it is what tells an old one
// to step aside.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const oldest = 24;
const root = new URL('../', import.meta.url);

/** Path of the runtime installed beside the product, or undefined. */
export function pinnedNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const file = fileURLToPath(new URL(`node_modules/node/bin/${name}`, root));
  return existsSync(file) ? file : undefined;
}

/** True when this process can run the product itself. */
export function isNewEnough() {
  return Number(process.versions.node.split('.')[0]) >= oldest;
}

/** Says what to do when no runtime is new enough, and ends with the code for a wrong set-up. */
export function refuse() {
  process.stderr.write(
    `This program needs Node ${oldest} or newer; this is ${process.version} and no newer one is installed beside it.\n` +
      `Install Node ${oldest} or newer, or run \`npm ci\` in ${fileURLToPath(root)} to get the pinned one.\n`,
  );
  process.exit(78);
}

/**
 * Becomes `file args` under `node`: in place where the system can do that, so that there is one process and
 * signals need no forwarding; otherwise as a child whose signals and exit code are passed on.
 */
export function becomeNode(node, args) {
  if (typeof process.execve === 'function') {
    try {
      process.execve(node, [node, ...args], process.env);
    } catch {
      // Not possible here (for example a read-only mount without exec): the child below says why, if it fails too.
    }
  }
  const child = spawn(node, args, { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
  for (const signal of signals) {
    try {
      // A terminal sends SIGINT to the child as well; here it must only not end the parent first.
      process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal));
    } catch {
      // Signal unknown on this system.
    }
  }
  child.on('error', (error) => {
    process.stderr.write(`${node} cannot be started: ${error.message}\n`);
    process.exit(78);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}
