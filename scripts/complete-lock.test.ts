import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { complete, systemOf } from './complete-lock.ts';

describe('the lock file', () => {
  it('names the packages of every system, so that `npm ci` works on each', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Parameters<typeof complete>[0];
    };
    expect(complete(lock.packages)).toEqual([]);
  });

  it('gets a missing package beside its siblings, with the system its name tells', () => {
    const packages = {
      'node_modules/tool': {
        version: '1.0.0',
        dev: true,
        optionalDependencies: { '@tool/linux-x64-musl': '1.0.0', '@tool/win32-arm64': '1.0.0' },
      },
      'node_modules/@tool/linux-x64-musl': { version: '1.0.0' },
    };
    expect(complete(packages)).toEqual(['@tool/win32-arm64']);
    expect(packages).toHaveProperty(['node_modules/@tool/win32-arm64'], {
      version: '1.0.0',
      os: ['win32'],
      cpu: ['arm64'],
      dev: true,
      optional: true,
    });
  });

  it.each([
    ['@a/b-linux-arm64-gnu', { os: ['linux'], cpu: ['arm64'], libc: ['glibc'] }],
    ['@a/b-linux-x64-musl', { os: ['linux'], cpu: ['x64'], libc: ['musl'] }],
    ['@a/b-darwin-arm64', { os: ['darwin'], cpu: ['arm64'] }],
    ['@a/b-wasm32-wasi', { cpu: ['wasm32'] }],
    ['fsevents', undefined],
  ])('%s', (name, expected) => {
    expect(systemOf(name)).toEqual(expected);
  });
});
