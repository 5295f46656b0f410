/** WeCom's AI Bot over a WebSocket. Platform facts that shaped it are in README.md. */
import { Down, NotSent, type Outcome } from '../../core/outcome.ts';
import type { Adapter, Deps, Intake, Part, Platform } from '../contract.ts';
import { type WeComConfig, wecomConfig } from './config.ts';
import { Delivery } from './deliver.ts';
import { wecomDialect } from './dialect.ts';
import type { Translation } from './inbound.ts';
import { manifest } from './manifest.ts';
import { openMedia } from './media.ts';
import { policyOf } from './policy.ts';
import { Session } from './session.ts';

/** After the first, second, … failure in a row (wecom §2.5); longer than the supervisor's own waits, so they count. */
const backoffMs = [2_000, 5_000, 10_000, 30_000, 60_000];

class WeCom implements Adapter {
  readonly #deps: Deps<WeComConfig>;
  readonly #translation: Translation;
  readonly #deviceId: string;
  readonly #delivery: Delivery;
  #session: Session | undefined;
  #failures = 0;

  constructor(deps: Deps<WeComConfig>) {
    this.#deps = deps;
    const { bot_id: botId, bot_name: botName } = deps.config;
    this.#translation = { policy: policyOf(deps.config), botId, botName };
    this.#deviceId = deps.clock.hex(16);
    this.#delivery = new Delivery(deps);
  }

  async run(intake: Intake, signal: AbortSignal): Promise<void> {
    let session: Session | undefined;
    try {
      const { config, clock, log, socket } = this.#deps;
      const deps = { config, clock, log, translation: this.#translation, deviceId: this.#deviceId };
      const ready = () => {
        this.#failures = 0;
      };
      session = new Session({ ...deps, ready }, await socket(config.websocket_url, signal));
      this.#session = session;
      await session.run(intake, signal);
    } catch (cause) {
      if (signal.aborted) return;
      throw this.#downOf(cause);
    } finally {
      if (this.#session === session) this.#session = undefined;
    }
  }

  async deliver(part: Part, signal: AbortSignal): Promise<Outcome> {
    return this.#delivery.deliver(part, this.#session?.isReady ? this.#session : undefined, signal);
  }

  media(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    return openMedia(this.#deps, ref, signal);
  }

  /** A failure of the connection says when to come back; everything else stays as it is. */
  #downOf(cause: unknown): unknown {
    const down =
      cause instanceof NotSent
        ? new Down('network', `WeCom cannot be reached: ${cause.message}`, { cause })
        : cause;
    if (!(down instanceof Down) || down.afterMs !== undefined || down.code === 'auth') return down;
    const afterMs = backoffMs[Math.min(this.#failures, backoffMs.length - 1)]!;
    this.#failures += 1;
    return new Down(down.code, down.message, { afterMs, cause: down.cause });
  }
}

export default {
  manifest,
  config: wecomConfig,
  dialect: wecomDialect,
  login: {
    offer: 'Scan a QR code with the WeCom phone app: it makes the bot (recommended).',
    run: async (...asked) => (await import('./login.ts')).scanToCreate(...asked),
  },
  open: (deps) => new WeCom(deps),
} satisfies Platform<WeComConfig>;
