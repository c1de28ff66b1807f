// node setup/ready.mjs [--system] [--only STEP,… | --also STEP,…] [-- COMMAND ARGS…]
// Brings the machine to the state Crucible needs, then runs COMMAND with the project's own Node first on PATH.
import { join } from 'node:path';
import { runCommand } from './command.mjs';
import { holdLock } from './lock.mjs';
import { cache } from './places.mjs';
import { createScreen } from './screen.mjs';
import { moreSteps, usualSteps } from './steps.mjs';
import { endPrograms, removeParts, StepFailed, workOn } from './work.mjs';

const usage = 'usage: node setup/ready.mjs [--system] [--only STEP,… | --also STEP,…] [-- COMMAND ARGS…]';

const { system, steps, command } = readArguments(process.argv.slice(2));
const screen = createScreen(process.stderr);

const ready = await Promise.all(steps.map((step) => step.ready({ system })));
if (ready.includes(false)) {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, interrupted);
  screen.line(
    'Setting up Crucible. The first time takes about five minutes; interrupted, it goes on where it was.',
  );
  const release = await holdLock(join(cache, 'setup.lock'), (pid) =>
    screen.line(`Waiting for the set-up that runs already (process ${pid}).`),
  );
  removeParts();
  const failures = await runSteps();
  removeParts();
  release();
  screen.close();
  for (const { name, error } of failures) {
    screen.line(`\n${name}: ${error.message}${error instanceof StepFailed ? `\n  → ${error.how}` : ''}`);
  }
  if (failures.length > 0) process.exit(1);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(signal);
}
if (command.length > 0) await runCommand(command);

/**
 * Runs every step once those it needs are done, side by side.
 * @returns {Promise<{ name: string, error: Error }[]>} the ones that failed
 */
async function runSteps() {
  /** @type {{ name: string, error: Error }[]} */
  const failures = [];
  /** @type {Map<string, Promise<boolean>>} whether each step came about */
  const outcomes = new Map();

  /** @param {import('./work.mjs').Step} step */
  const bringAbout = async (step) => {
    const needed = await Promise.all(step.needs.map((name) => outcomes.get(name) ?? true));
    if (needed.includes(false)) return false;
    const say = (/** @type {string} */ note) => screen.running(step.name, note);
    try {
      if (await step.ready({ system })) return true;
      screen.done(step.name, await step.make(workOn(step.name, system, say)));
      return true;
    } catch (error) {
      screen.failed(step.name, 'could not be done');
      failures.push({ name: step.name, error: error instanceof Error ? error : new Error(String(error)) });
      return false;
    }
  };
  for (const step of steps) outcomes.set(step.name, bringAbout(step));
  await Promise.all(outcomes.values());
  return failures;
}

function interrupted() {
  endPrograms();
  screen.close();
  screen.line('\nInterrupted. What was finished is kept; the same command goes on from there.');
  process.exit(130);
}

/**
 * @param {string[]} given
 * @returns {{ system: boolean, steps: import('./work.mjs').Step[], command: string[] }}
 */
function readArguments(given) {
  const end = given.indexOf('--');
  const options = end < 0 ? given : given.slice(0, end);
  const command = end < 0 ? [] : given.slice(end + 1);
  // A machine of continuous integration is there to be changed.
  let system = process.env.CI === 'true' && process.getuid?.() === 0;
  const allSteps = [...moreSteps, ...usualSteps];
  let names = usualSteps.map((step) => step.name);
  for (let next = 0; next < options.length; next += 1) {
    if (options[next] === '--system') system = true;
    else if (options[next] === '--only' && options[next + 1]) names = options[++next]?.split(',') ?? [];
    else if (options[next] === '--also' && options[next + 1])
      names = [...names, ...(options[++next]?.split(',') ?? [])];
    else refuse(`unexpected ${options[next]}\n${usage}`);
  }
  const unknown = names.filter((name) => !allSteps.some((step) => step.name === name));
  if (unknown.length > 0)
    refuse(`no step ${unknown.join(', ')}; there are ${allSteps.map((step) => step.name).join(', ')}`);
  return { system, steps: allSteps.filter((step) => names.includes(step.name)), command };
}

/**
 * @param {string} message
 * @returns {never}
 */
function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
