import { readConfig } from './config.ts';
import { runWorkers } from './run.ts';

await runWorkers(['bench'], readConfig(process.env));
