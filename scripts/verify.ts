/**
 * `npm run verify`: format and lint, types, import rules, unused code, tests. Runs all of them even when one fails, and
 * ends with one line per check. `--without-tests` leaves the tests out; `--json FILE` writes the counts.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const bin = (name: string) => join('node_modules', '.bin', name);

const checks: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'format and lint', command: [bin('biome'), 'ci', '.'] },
  { name: 'types', command: [bin('tsc'), '-p', '.'] },
  { name: 'import rules', command: [process.execPath, 'scripts/imports.ts'] },
  { name: 'unused code', command: [bin('knip')] },
  { name: 'tests', command: [process.execPath, join('node_modules', 'vitest', 'vitest.mjs'), 'run'] },
];

const wanted = checks.filter(({ name }) => name !== 'tests' || !process.argv.includes('--without-tests'));
const results = wanted.map(({ name, command }) => {
  console.log(`\n── ${name}`);
  const [program = '', ...args] = command;
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  return { name, ok: status === 0 };
});

console.log('');
for (const { name, ok } of results) console.log(`${ok ? '✓' : '✗'} ${name}`);
const failed = results.filter(({ ok }) => !ok).length;
const json = process.argv[process.argv.indexOf('--json') + 1];
if (process.argv.includes('--json') && json !== undefined) {
  writeFileSync(json, JSON.stringify({ passed: results.length - failed, failed }));
}
process.exitCode = failed === 0 ? 0 : 1;
