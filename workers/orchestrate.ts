import { readConfig } from './config.ts';
import { runWorkers } from './run.ts';

await runWorkers(['orchestrate'], readConfig(process.env));
