/** What the commands touch outside themselves: streams, environment, and the parts they start. */
import type { Readable, Writable } from 'node:stream';
import { filesOf, homeFolder } from '../config/home.ts';
import type { PlatformSpec } from '../config/platforms.ts';
import type { GatewayOptions, RunningGateway } from '../gateway.ts';
import type { DemoNetwork } from './demo.ts';

export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  platforms(): Promise<readonly PlatformSpec[]>;
  /** A local server of a chat network, for the demo. */
  demoNetwork(): Promise<DemoNetwork>;
  startGateway(options: GatewayOptions): Promise<RunningGateway>;
  /** Calls `run` for SIGINT or SIGTERM until the returned function is called. */
  onSignal(run: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
}

/** Options of every command, before the command's name or after it. */
export interface Place {
  readonly profile?: string;
}

export function homeOf(host: Host, place: Place): ReturnType<typeof filesOf> {
  return filesOf(homeFolder(host.env, place.profile));
}
