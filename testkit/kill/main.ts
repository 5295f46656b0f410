/** `node testkit/kill/main.ts [--kills 500] [--seed N] [--users 20] [--programs 2]`: the long run. Exit code 1 when something is wrong. */
import { parseArgs } from 'node:util';
import { killLoop } from './run.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    users: { type: 'string', default: '20' },
    programs: { type: 'string', default: '2' },
  },
});
console.log(`seed ${values.seed}`);
const started = performance.now();
const result = await killLoop({
  kills: Number(values.kills),
  seed: Number(values.seed),
  users: Number(values.users),
  programs: Number(values.programs),
  say: (line) => process.stdout.write(`\r${line}          `),
});
const restarts = [...result.restarts].sort((a, b) => a - b);
const at = (share: number) =>
  Math.round(restarts[Math.min(restarts.length - 1, Math.floor(restarts.length * share))] ?? 0);
const { wrong, ...counts } = result.accounts;
console.log(
  `\n${result.kills} kills in ${Math.round((performance.now() - started) / 1000)} s; restart to listening ${at(0.5)} ms median, ${at(0.99)} ms p99`,
);
console.table(result.by);
console.table(counts);
for (const each of wrong.slice(0, 40)) console.log(`✗ ${each}`);
console.log(wrong.length === 0 ? 'the accounting identity holds' : `${wrong.length} things are wrong`);
process.exitCode = wrong.length === 0 ? 0 : 1;
