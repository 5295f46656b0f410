/**
 * Measures the gateway beside a plain `node:http` pass-through and prints one table.
 *
 *     node bench/run.ts [P1 P6 …] [--rounds N] [--seconds N] [--gateway dist|source] [--home DIR] [--profile DIR] [--gate]
 *
 * Raw samples go to `results/`. Exit code 1 with `--gate` when a gate fails or a request of ours did.
 */
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { type Comparison, compare, diskOf, failuresOf, rowsOf } from './lib/compare.ts';
import { stayAround } from './lib/cores.ts';
import type { OpenExperiment, Subject } from './lib/experiment.ts';
import { readGoal } from './lib/goal.ts';
import { Lab } from './lib/lab.ts';
import { readMachine } from './lib/machine.ts';
import { type Build, builtAt } from './lib/package.ts';
import { spread } from './lib/percentiles.ts';
import { figure, judge, table } from './lib/report.ts';

const root = join(import.meta.dirname, '..');
const built = builtAt();
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string' },
    gateway: { type: 'string', default: built ? 'dist' : 'source' },
    home: { type: 'string', default: tmpdir() },
    profile: { type: 'string' },
    gate: { type: 'boolean', default: false },
  },
});

function refuse(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}

function wholeNumber(name: string, text: string): number {
  return /^[1-9]\d*$/.test(text) ? Number(text) : refuse(`--${name} must be a whole number from 1 on`);
}

function buildOf(name: string): Build {
  if (name !== 'dist' && name !== 'source') refuse('--gateway must be dist or source');
  if (name === 'dist' && built === undefined)
    refuse('There is no dist/: run `node scripts/build.ts` or use --gateway source.');
  return name;
}

const folders = globSync('p*/goal.json', { cwd: import.meta.dirname }).map((file) =>
  join(import.meta.dirname, dirname(file)),
);
const goals = folders
  .map((folder) => ({ folder, goal: readGoal(join(folder, 'goal.json')) }))
  .sort((a, b) => Number(a.goal.id.slice(1)) - Number(b.goal.id.slice(1)));
const wanted = positionals.map((id) => id.toUpperCase());
const unknown = wanted.filter((id) => !goals.some(({ goal }) => goal.id === id));
if (unknown.length > 0)
  refuse(`No experiment ${unknown.join(', ')}; there are ${goals.map(({ goal }) => goal.id).join(', ')}.`);

const rounds = wholeNumber('rounds', values.rounds);
const seconds = values.seconds === undefined ? undefined : wholeNumber('seconds', values.seconds);
const build = buildOf(values.gateway);
const nodeFlags = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];

stayAround();
const machine = readMachine();
const how = `${build === 'dist' ? `dist of ${built?.toISOString()}` : build}${nodeFlags.length > 0 ? ', profiled' : ''}`;
console.log(
  `Hermes Gateway ${machine.version} (${machine.commit}, ${how}), ` +
    `Node ${machine.node}, SQLite ${machine.sqlite}; ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, ` +
    `Linux ${machine.kernel}; ${machine.pinning}; ${rounds} rounds\n`,
);

const startedAt = new Date().toISOString();
const lab = new Lab({ build, homes: values.home, nodeFlags });
const comparisons: Comparison[] = [];
try {
  for (const { folder, goal } of goals) {
    if (wanted.length > 0 && !wanted.includes(goal.id)) continue;
    const { open } = (await import(join(folder, 'experiment.ts'))) as { readonly open: OpenExperiment };
    const say = (line: string) => process.stderr.isTTY && process.stderr.write(`\r${line}   `);
    comparisons.push(await compare(lab, goal, open, { rounds, seconds: seconds ?? goal.seconds, say }));
  }
} finally {
  await lab.close();
}

const rows = comparisons.flatMap(rowsOf);
console.log(table(rows));
console.log('\nMedian of the rounds (least–greatest). Round 0 warms up and is not counted.');
let broken = false;
for (const comparison of comparisons) {
  const { goal } = comparison;
  const disk = spread(diskOf(comparison));
  const load = spread(comparison.rounds.map((round) => round.load));
  console.log(
    `\n${goal.id} ${goal.title}: ${goal.load}${goal.seconds > 0 ? `; ${comparison.seconds} s per subject and round` : ''}. Beside it: ${goal.unequal}.`,
  );
  console.log(
    `   4 KiB write + fdatasync p50 ${figure(disk.median)} ms (${figure(disk.min)}–${figure(disk.max)}); load average ${figure(load.median)} (up to ${figure(load.max)})`,
  );
  for (const subject of ['ours', 'pass-through', 'upstream'] satisfies Subject[]) {
    const failures = Object.entries(failuresOf(comparison, subject));
    const why = comparison.notServed[subject];
    if (subject === 'ours') broken ||= failures.length > 0;
    for (const [name, count] of failures) console.log(`   ✗ ${subject}: ${count} × ${name}`);
    if (why !== undefined) console.log(`   ✗ ${subject} not served: ${why}`);
  }
}

const raw = { startedAt, machine, options: { ...values, build, rounds }, comparisons };
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
const file = join(results, `${startedAt.replaceAll(/[:.]/g, '-')}.local.json`);
writeFileSync(
  file,
  JSON.stringify(raw, (_key, value: unknown) =>
    value instanceof Float64Array ? Array.from(value, micro) : value,
  ),
);
console.log(`\nRaw samples: ${relative(root, dirname(file))}/${basename(file)}`);
function micro(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

const failed = rows.filter((row) => judge(row).gate === false);
if (values.gate && (failed.length > 0 || broken)) process.exitCode = 1;
