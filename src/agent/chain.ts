/** Which model a turn talks to: the primary, then the fallback entries in order (agent-runtime §4.3). */
import type { FallbackModel } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { GatewayError } from '../core/errors.ts';
import type { Model, ModelChoice } from './contract.ts';
import type { Models } from './models/open.ts';

const coolDownMs = 60_000;

export interface Chains {
  /**
   * A fresh walk for one turn. Starts on the primary unless that is cooling down and another entry can serve.
   * Throws NO_MODEL when the primary cannot be set up.
   */
  start(choice: ModelChoice | undefined): Chain;
}

export interface Chain {
  readonly current: Model;
  /** Switches to the next entry that can be opened and is another model; false = there is none. */
  advance(): boolean;
  /** Keeps the primary out of the next turns for a minute. Without effect on a fallback entry. */
  coolDown(): void;
}

export function openChains(models: Models, fallback: readonly FallbackModel[], clock: Clock): Chains {
  const outUntil = new WeakMap<Model, number>();
  return {
    start(choice) {
      const primary = models.open(choice);
      let current = primary;
      let next = 0;
      const advance = () => {
        while (!primary.isDemo && next < fallback.length) {
          const candidate = open(models, fallback[next++]!);
          if (candidate !== undefined && !sameModel(candidate, current) && candidate !== primary) {
            current = candidate;
            return true;
          }
        }
        return false;
      };
      if ((outUntil.get(primary) ?? 0) > clock.monotonic()) advance();
      return {
        get current() {
          return current;
        },
        advance,
        coolDown() {
          if (current === primary) outUntil.set(primary, clock.monotonic() + coolDownMs);
        },
      };
    },
  };
}

function sameModel(a: Model, b: Model): boolean {
  return a === b || (a.provider === b.provider && a.name === b.name && a.provider !== 'custom');
}

/** Undefined for an entry without credentials: it is skipped. */
function open(models: Models, entry: FallbackModel): Model | undefined {
  const { provider, model, baseUrl, apiKey } = entry;
  try {
    return models.open({
      provider,
      model,
      ...(baseUrl !== undefined && { baseUrl }),
      ...(apiKey !== undefined && { apiKey }),
    });
  } catch (error) {
    if (error instanceof GatewayError) return undefined;
    throw error;
  }
}
