import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cpuMs, cpuMsOfStat, residentMiB } from './proc.ts';

test('CPU time is user and system time, whatever the process is called', () => {
  const stat = '42 (a ) R (b) S 1 42 42 0 -1 4194560 9 0 0 0 150 25 0 0 20 0 11 0 100 1 2';
  expect(cpuMsOfStat(stat)).toBe(1750);
});

test.skipIf(!existsSync('/proc/self/task'))('a process can be read while it runs', () => {
  expect(residentMiB(process.pid)).toBeGreaterThan(5);
  expect(cpuMs(process.pid)).toBeGreaterThan(0);
});
