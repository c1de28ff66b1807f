/** `npm run bench -- NAME`: measures side by side, prints a table and, as its last line, one JSON object. */
const benches: Record<string, () => Promise<{ run(): Promise<void> }>> = {
  overhead: () => import('./overhead.ts'),
  models: () => import('./models.ts'),
  honesty: () => import('./honesty.ts'),
  solve: () => import('./solve.ts'),
  warm: () => import('./warm.ts'),
  newcomer: () => import('./newcomer.ts'),
  optimize: () => import('./optimize.ts'),
  search: () => import('./search.ts'),
  experiment: () => import('./experiment.ts'),
  fit: () => import('./fit.ts'),
  kernels: () => import('./kernels.ts'),
  store: () => import('./store.ts'),
};

const [name = ''] = process.argv.slice(2);
const bench = benches[name];
if (bench === undefined) {
  console.error(
    `expected one of ${Object.keys(benches).join(', ')}, got ${name === '' ? 'nothing' : name}: npm run bench -- NAME`,
  );
  process.exitCode = 1;
} else {
  await (await bench()).run();
}
