import { besideServer, lookAfter } from './beside.ts';
import { readConfig } from './config.ts';
import { runWorkers } from './run.ts';

await runWorkers(['orchestrate', 'model', 'sandbox', 'bench'], readConfig(process.env), {
  beside: process.argv.includes(besideServer) ? lookAfter : null,
});
