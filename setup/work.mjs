import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cache } from './places.mjs';

/** A step could not be done; the message says what it needs, `how` what to type. */
export class StepFailed extends Error {
  /**
   * @param {string} message
   * @param {string} how
   */
  constructor(message, how) {
    super(message);
    this.how = how;
  }
}

/**
 * What a step is given to work with.
 * @typedef {object} Work
 * @property {boolean} system whether the system itself may be changed
 * @property {string} part an empty folder beside the places things end in: what is half-made lies here, to be renamed when done
 * @property {string} log the file that keeps what the step's programs print
 * @property {(note: string) => void} say shows what is being done
 * @property {(file: string, args: string[], options?: RunOptions) => Promise<void>} run
 *   runs a program, its output in the step's log; throws `StepFailed` with the log's end where it does not exit with 0
 *
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {string} [how] what to type where it fails
 *
 * A part that set-up provides.
 * @typedef {object} Step
 * @property {string} name
 * @property {string[]} needs steps to finish first
 * @property {(work: { system: boolean }) => Promise<boolean>} ready whether nothing is to be done; quick, changes nothing
 * @property {(work: Work) => Promise<string>} make brings it about, and says in words where it is now
 */

/** Removes what an earlier set-up left half-made; only while this one holds the lock. */
export const removeParts = () => rmSync(join(cache, 'parts'), { recursive: true, force: true });

/** @type {Set<number>} Process groups of the programs that run now. */
const groups = new Set();

/**
 * A `Work` for the step of that name.
 * @param {string} name
 * @param {boolean} system
 * @param {(note: string) => void} say
 * @returns {Work}
 */
export function workOn(name, system, say) {
  const folder = join(cache, 'logs');
  mkdirSync(folder, { recursive: true });
  const log = join(folder, `${name}.log`);
  closeSync(openSync(log, 'w'));
  // With the process in its name: a program of a killed set-up may still be writing into its own.
  const part = join(cache, 'parts', `${name}-${process.pid}`);
  mkdirSync(part, { recursive: true });

  /** @type {Work['run']} */
  const run = (file, args, options = {}) =>
    new Promise((resolve, reject) => {
      const output = openSync(log, 'a');
      // A group of its own, so that an interrupted set-up can end a compiler that a compiler started.
      const child = spawn(file, args, {
        cwd: options.cwd,
        env: options.env ?? process.env,
        stdio: ['ignore', output, output],
        detached: true,
      });
      closeSync(output);
      const group = child.pid;
      if (group) groups.add(group);
      /** @param {string} what */
      const fail = (what) =>
        reject(
          new StepFailed(
            `${file} ${args.slice(0, 3).join(' ')} ${what}\n${endOf(log)}`,
            options.how ?? `read ${log}`,
          ),
        );
      child.on('error', (error) => fail(`did not start: ${error.message}`));
      child.on('exit', (code, signal) => {
        if (group) groups.delete(group);
        if (code === 0) resolve();
        else fail(signal ? `was ended by ${signal}` : `exited with ${code}`);
      });
    });
  return { system, part, log, say, run };
}

/**
 * A tar archive as it is made, for the Docker engine. Ends in an error where tar does.
 * @param {string[]} args of `tar --create`
 * @returns {import('node:stream').Readable}
 */
export function pack(args) {
  const tar = spawn('tar', ['--create', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  tar.on('error', (error) => tar.stdout.destroy(error));
  tar.on('exit', (code) => {
    if (code !== 0)
      tar.stdout.destroy(new Error(`tar --create ${args.slice(0, 4).join(' ')} exited with ${code}`));
  });
  return tar.stdout;
}

/** Ends every program that set-up has running. */
export function endPrograms() {
  for (const group of groups) {
    try {
      process.kill(-group, 'SIGTERM');
    } catch {
      // It ended by itself.
    }
  }
}

/**
 * The last lines of a file.
 * @param {string} file
 * @returns {string}
 */
function endOf(file) {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
}
