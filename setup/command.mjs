import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { compiled } from './places.mjs';
import { bin } from './steps/npm.mjs';

/**
 * Runs the command in this process's place: its standard streams, its signals, its exit status. Does not return.
 * @param {string[]} command
 * @returns {Promise<never>}
 */
export async function runCommand([file = '', ...args]) {
  const env = {
    ...process.env,
    PATH: [bin, process.env.PATH].join(delimiter),
    // What Node has compiled once it need not compile again: halves the time of a short command.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compiled,
  };
  // A terminal sends Ctrl-C to the whole group, so the command has it already; from elsewhere it must be passed on.
  const terminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
  // Listened to before there is a command: none may come in between and end this process alone.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'])) {
    process.on(signal, () => {
      if (!terminal || signal === 'SIGTERM') child.kill(signal);
    });
  }
  const child = spawn(file, args, { stdio: 'inherit', env });
  return new Promise(() => {
    child.on('error', (error) => {
      process.stderr.write(`${file} did not start: ${error.message}\n`);
      process.exit(127);
    });
    child.on('exit', (code, signal) => {
      if (signal === null) process.exit(code ?? 1);
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  });
}
