/** The host of a real process. */
import { inheritedEnvironment } from '../config/process.ts';
import type { Host } from './host.ts';

export function processHost(): Host {
  return {
    env: inheritedEnvironment(),
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    platforms: async () => (await import('./platforms.ts')).knownPlatforms(),
    demoNetwork: async () => (await import('./demo-network.ts')).demoNetwork(),
    startGateway: async (options) => (await import('../gateway.ts')).startGateway(options),
    onSignal(run) {
      const signals = ['SIGINT', 'SIGTERM'] as const;
      for (const signal of signals) process.on(signal, run);
      return () => {
        for (const signal of signals) process.off(signal, run);
      };
    },
  };
}
