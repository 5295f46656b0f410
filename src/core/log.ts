/** Structured logging as a function, so that nothing below `gateway.ts` depends on a logger library. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, event: string, data?: Readonly<Record<string, unknown>>) => void;

export const silentLog: Log = () => {};
