import { readConfig } from './config.ts';
import { runWorkers } from './run.ts';

await runWorkers(['model'], readConfig(process.env));
