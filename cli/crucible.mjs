#!/usr/bin/env node
// Hands over to set-up, which goes on with the command line under the project's own Node.
import { fileURLToPath } from 'node:url';

process.argv.splice(2, 0, '--', 'node', fileURLToPath(new URL('main.ts', import.meta.url)));
await import('../setup/ready.mjs');
