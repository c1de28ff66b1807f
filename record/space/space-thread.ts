import { parentPort, workerData } from 'node:worker_threads';
import { type SpaceFile, spaceOfFile } from './space-file.ts';

// A thread of its own for one file, which its maker gave it; what it finds goes back as a message.
const file: SpaceFile = workerData;
parentPort?.postMessage(await spaceOfFile(file));
