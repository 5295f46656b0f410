/** The only place that reads the environment of this process. */
export function inheritedEnvironment(): Readonly<Record<string, string | undefined>> {
  return process.env;
}

/** Set by the gateway for everything it starts (gateway-core §1.1, guard 4). */
export function isInsideGateway(env: Readonly<Record<string, string | undefined>>): boolean {
  return env['_HERMES_GATEWAY'] === '1';
}
