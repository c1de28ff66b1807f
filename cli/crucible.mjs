#!/usr/bin/env node
// Hands over to set-up, which goes on with the command line under the project's own Node.
import * as module from 'node:module';
import { fileURLToPath } from 'node:url';
import { compiled } from '../setup/places.mjs';

// Node 18, which may begin, does not have it yet.
module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE ?? compiled);

process.argv.splice(2, 0, '--', 'node', fileURLToPath(new URL('main.ts', import.meta.url)));
await import('../setup/ready.mjs');
