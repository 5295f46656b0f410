/**
 * `hermes demo`: a whole gateway on a temporary home, the demo model, and a local server that speaks Telegram's
 * protocol, so that both sides of a chat are seen without an account, a key or the internet.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createHome } from '../config/home.ts';
import { loadSettings } from '../config/load.ts';
import { describeProblem } from '../config/problem.ts';
import { systemClock } from '../core/clock.ts';
import { fail } from '../core/errors.ts';
import type { RunningGateway } from '../gateway.ts';
import { exitCodes } from './failure.ts';
import type { Host } from './host.ts';
import { openLog } from './log.ts';
import { harmless, line, type Style, styleFor } from './print.ts';

/** The other side of the chat. */
export interface DemoNetwork {
  /** Configuration that makes the gateway talk to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly config: string;
  /** Writes a message as the person. */
  say(text: string): Promise<void>;
  /** Every text the bot sends or edits, by message. */
  onText(listener: (id: string, text: string) => void): void;
  close(): Promise<void>;
}

const script = ['Hello', 'Make a plan', 'Tell a long story'];

export interface DemoOptions {
  readonly script?: boolean;
}

export async function demo(host: Host, options: DemoOptions): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), 'hermes-demo-'));
  const network = await host.demoNetwork();
  try {
    createHome(home);
    const { gateway, end } = await start(host, home, network);
    try {
      return await new Demo(host, network, gateway).run(options.script === true);
    } finally {
      await end();
    }
  } finally {
    await network.close();
    rmSync(home, { recursive: true, force: true });
  }
}

interface Started {
  readonly gateway: RunningGateway;
  end(): Promise<void>;
}

/** Nothing of the person's own configuration takes part: no key is used and no real chat is touched. */
async function start(host: Host, home: string, network: DemoNetwork): Promise<Started> {
  writeFileSync(join(home, 'config.yaml'), network.config, { mode: 0o600 });
  const path = host.env['PATH'];
  const env = { ...(path === undefined ? {} : { PATH: path }), HOME: home, ...network.env };
  const platforms = await host.platforms();
  const { settings, problems } = await loadSettings({ env, home, platforms });
  const wrong = problems.find(({ severity }) => severity === 'error');
  if (wrong !== undefined)
    fail('CONFIG_UNREADABLE', { file: join(home, 'config.yaml'), why: describeProblem(wrong) });
  const { log, close } = openLog(settings, 0, host.stderr);
  const manifests = platforms.map(({ manifest }) => manifest);
  const gateway = await host.startGateway({ settings, problems, log, manifests });
  return {
    gateway,
    async end() {
      await gateway.stop('the demo ended');
      // Before the home is removed: a late line would make its folder again.
      close();
    },
  };
}

/** A message is shown when it has not changed for this long. */
const settledMs = 250;
/** The longest wait for an answer of the scripted model. */
const longestMs = 20_000;

class Demo {
  readonly #host: Host;
  readonly #network: DemoNetwork;
  readonly #gateway: RunningGateway;
  readonly #style: Style;
  readonly #texts = new Map<string, string>();
  #shown = 0;
  #changedAt = 0;

  constructor(host: Host, network: DemoNetwork, gateway: RunningGateway) {
    this.#host = host;
    this.#network = network;
    this.#gateway = gateway;
    this.#style = styleFor(host, host.stdout);
    network.onText((id, text) => {
      this.#texts.set(id, text);
      this.#changedAt = systemClock.monotonic();
    });
  }

  async run(scripted: boolean): Promise<number> {
    const { stdout } = this.#host;
    line(stdout, this.#style.bold('⚕ Hermes Gateway demo'));
    line(
      stdout,
      this.#style.dim('A gateway, a local stand-in for Telegram and the demo model. No key, no internet.'),
    );
    return scripted ? this.#play() : this.#talk();
  }

  async #play(): Promise<number> {
    for (const text of script) {
      line(this.#host.stdout, `\n${this.#style.cyan('You')}     ${text}`);
      if (!(await this.#exchange(text))) return exitCodes.failed;
    }
    return exitCodes.ok;
  }

  async #talk(): Promise<number> {
    const { stdin, stdout } = this.#host;
    line(stdout, this.#style.dim('Write to the bot; /exit ends the demo.'));
    const reader = createInterface({ input: stdin, output: stdout, terminal: stdin.isTTY === true });
    let open = true;
    reader.on('close', () => {
      open = false;
    });
    const release = this.#host.onSignal(() => reader.close());
    try {
      reader.setPrompt(`\n${this.#style.cyan('You')}     `);
      reader.prompt();
      for await (const typed of reader) {
        if (typed.trim() === '/exit') break;
        if (typed.trim() !== '') await this.#exchange(typed.trim());
        if (open) reader.prompt();
      }
      return exitCodes.ok;
    } finally {
      release();
      reader.close();
    }
  }

  /** False when no answer came. */
  async #exchange(text: string): Promise<boolean> {
    const before = this.#texts.size;
    await this.#network.say(text);
    const deadline = systemClock.monotonic() + longestMs;
    while (systemClock.monotonic() < deadline) {
      await systemClock.sleep(settledMs / 5);
      const settled = systemClock.monotonic() - this.#changedAt >= settledMs;
      if (this.#texts.size > before && settled && this.#gateway.turns.active() === 0) break;
    }
    this.#show();
    if (this.#texts.size > before) return true;
    line(this.#host.stderr, '✗ No answer came.');
    return false;
  }

  #show(): void {
    for (const text of [...this.#texts.values()].slice(this.#shown)) {
      const [first = '', ...rest] = harmless(text).split('\n');
      line(this.#host.stdout, `${this.#style.green('Hermes')}  ${first}`);
      for (const more of rest) line(this.#host.stdout, `        ${more}`.trimEnd());
    }
    this.#shown = this.#texts.size;
  }
}
