import { readConfig } from './config.ts';
import { runWorkers } from './run.ts';

await runWorkers(['sandbox'], readConfig(process.env));
