import { parseArgs } from 'node:util';
import { runFaultless, runWithFaults } from './run.ts';

/** `npm run chaos -- --minutes N --seed S`: runs of jobs under faults, each from the next seed, until the time is over. */
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string' } },
});
const minutes = Number(values.minutes);
const first = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(first)) {
  console.error('expected npm run chaos -- [--minutes N] [--seed S], with numbers');
  process.exit(2);
}
const deadline = Date.now() + minutes * 60_000;
console.log('without faults …');
const faultless = await runFaultless();
let runs = 0;
for (let seed = first; runs === 0 || Date.now() < deadline; seed += 1) {
  const { faults, wrong } = await runWithFaults(seed, faultless);
  runs += 1;
  console.log(`${wrong.length === 0 ? '✓' : '✗'} seed ${seed}: ${faults.join(', ')}`);
  for (const each of wrong) console.log(`  ${each}`);
  if (wrong.length > 0) {
    console.log(`the same again: npm run chaos -- --minutes 1 --seed ${seed}`);
    process.exitCode = 1;
    break;
  }
}
if (process.exitCode === undefined) console.log(`${runs} runs, every invariant held`);
