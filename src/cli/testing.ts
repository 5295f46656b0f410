/** A host without a terminal, for tests of commands. */
import { PassThrough, Writable } from 'node:stream';
import type { PlatformSpec } from '../config/platforms.ts';
import type { GatewayOptions, RunningGateway } from '../gateway.ts';
import type { DemoNetwork } from './demo.ts';
import type { Host } from './host.ts';

export interface TestHost extends Host {
  readonly stdin: PassThrough;
  readonly out: () => string;
  readonly err: () => string;
  /** What a person or a service manager does. */
  signal(name: 'SIGINT' | 'SIGTERM'): void;
}

interface Given {
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly platforms?: readonly PlatformSpec[];
  demoNetwork?(): Promise<DemoNetwork>;
  startGateway?(options: GatewayOptions): Promise<RunningGateway>;
}

export function testHost(given: Given): TestHost {
  const out = sink();
  const err = sink();
  const listeners = new Set<(signal: 'SIGINT' | 'SIGTERM') => void>();
  return {
    env: { HOME: given.home, HERMES_HOME: given.home, ...given.env },
    stdin: new PassThrough(),
    stdout: out.stream,
    stderr: err.stream,
    out: out.text,
    err: err.text,
    platforms: async () => given.platforms ?? [],
    demoNetwork: given.demoNetwork ?? (() => Promise.reject(new Error('this test has no network'))),
    startGateway: given.startGateway ?? (() => Promise.reject(new Error('this test starts no gateway'))),
    onSignal(run) {
      listeners.add(run);
      return () => listeners.delete(run);
    },
    signal(name) {
      for (const run of listeners) run(name);
    },
  };
}

function sink(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}
