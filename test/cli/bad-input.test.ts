import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { makeHome } from '../../cli/server/home.ts';
import { readConfig, readHome } from '../../workers/config.ts';
import { mayMount, smallDisk } from '../store/small-disk.ts';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible, main, type Said } from '../support/command.ts';
import { markedProcesses } from '../support/sandbox.ts';
import { freePort } from '../support/temporal.ts';

let home: string;
let folder: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  home = join(folder, 'home');
  await writeFile(join(folder, 'ok.py'), 'print(1)\n');
  await writeFile(join(folder, 'job.yaml'), 'kind: solve\nname: a\nscript: ok.py\n');
});

const run = (args: string[], env: Record<string, string> = {}): Promise<Said> =>
  crucible(args, { home, folder, env });

/** That a command was refused: only with this message, and without leaving a server or a worker behind. */
async function expectRefused(said: Said, message: string | RegExp, status = 2): Promise<void> {
  expect(said.status).toBe(status);
  // What the job is about may be said by then.
  expect(said.out.replace(/^solve a: ok\.py\n$/, '')).toBe('');
  expect(said.error).toMatch(message);
  expect(said.error).not.toMatch(/^\s+at |node:internal/m);
  expect(said.error.trim().split('\n')).toHaveLength(1);
  expect(await markedProcesses(`CRUCIBLE_HOME=${home}`)).toEqual([]);
  expect(await readdir(home).catch(() => [])).not.toContain('running.json');
}

describe('a job file that is wrong', () => {
  it('is refused by run and by submit before anything is made', async () => {
    await writeFile(join(folder, 'wrong.yaml'), 'kind: solve\nname: a\nscript: ok.py\ncores: two\n');
    const [ran, submitted] = await Promise.all([run(['run', 'wrong.yaml']), run(['submit', 'none.yaml'])]);
    await expectRefused(ran, 'wrong.yaml:4: cores: expected a number, got "two"');
    await expectRefused(submitted, 'none.yaml: expected a job file');
    expect(await readdir(folder)).not.toContain('home');
  });

  it('is told with the field by the short form of optimize, too', async () => {
    await expectRefused(
      await run(['optimize', 'slow.py', '--function', 'f', '--cases', 'ok.py']),
      /^slow\.py in .*: there is no such file/,
    );
  });

  it('whose program must fail is refused before anything is started, with --dry-run and without', async () => {
    await writeFile(join(folder, 'slow.py'), 'import requests\ndef blur(x):\n    return x\n');
    const given = ['optimize', 'slow.py:blurr', '--cases', 'slow.py:blur'];
    for (const args of [given, [...given, '--dry-run']]) {
      const said = await run(args);
      expect(said).toMatchObject({ status: 2, out: '' });
      expect(said.error).toMatch(
        /^slow\.py: slow\.py has no function blurr \(did you mean blur\?\); it has: blur\nslow\.py:1: imports requests: the sandbox has no requests/,
      );
    }
    expect(await readdir(home)).not.toContain('running.json');
  });

  it('that asks for more than the machine has is refused before anything is started, but not where sandboxes may be elsewhere', async () => {
    const beyond = /: expected at most \d+, which is what this machine has, got 1073741824$/m;
    await writeFile(
      join(folder, 'large.yaml'),
      'kind: solve\nname: a\nscript: ok.py\nlimits: { memoryMb: 1073741824 }\n',
    );
    await expectRefused(await run(['submit', 'large.yaml']), beyond);
    const dry = ['optimize', 'ok.py', '--memory', '1073741824', '--dry-run'];
    await expectRefused(await run(dry), beyond);
    expect(await run(dry, { TEMPORAL_ADDRESS: 'far.example:7233' })).toMatchObject({ status: 0 });
    expect(await run(dry, { CRUCIBLE_SANDBOX: 'e2b', E2B_API_KEY: 'e2b_0' })).toMatchObject({ status: 0 });
  });

  it('that is in order starts nothing with --dry-run', async () => {
    const said = await run(['run', '--dry-run', 'job.yaml']);
    expect(said).toMatchObject({
      status: 0,
      out: 'solve a: the job and its files are in order; nothing was started\n',
    });
    expect(await readdir(home)).not.toContain('running.json');
  });
});

describe('a setting that is wrong', () => {
  it.each([
    [{ CRUCIBLE_SANDBOX: 'none' }, /^CRUCIBLE_SANDBOX: .*"auto"\|"docker"\|"bubblewrap"\|"e2b", got "none"/],
    [{ TEMPORAL_ADDRESS: 'local_host' }, /^TEMPORAL_ADDRESS: expected host:port, got "local_host"/],
    [{ TEMPORAL_ADDRESS: 'http://localhost:1' }, /^TEMPORAL_ADDRESS: expected host:port, got "http/],
  ])('is named: %j', (env, message) => {
    expect(() => readConfig(env)).toThrow(message);
  });

  it('that is set to nothing is not set', () => {
    const nothing = { CRUCIBLE_HOME: '', CRUCIBLE_SANDBOX: '', TEMPORAL_ADDRESS: '', TEMPORAL_NAMESPACE: '' };
    const { home, sandbox, temporalAddress, namespace } = readConfig(nothing);
    const unset = readConfig({});
    expect({ home, sandbox, temporalAddress, namespace }).toEqual({
      home: unset.home,
      sandbox: 'auto',
      temporalAddress: null,
      namespace: 'default',
    });
  });

  it('as a home is the same folder wherever a command is run', () => {
    expect(readHome({ CRUCIBLE_HOME: '~/a b' })).toBe(join(homedir(), 'a b'));
    expect(readHome({ CRUCIBLE_HOME: '~' })).toBe(homedir());
    expect(readHome({ CRUCIBLE_HOME: 'kept' })).toBe(fileURLToPath(new URL('../../kept', import.meta.url)));
    expect(readHome({ CRUCIBLE_HOME: '/a/../b' })).toBe('/b');
  });

  it('is all that a command says', async () => {
    await expectRefused(await run(['run', 'job.yaml'], { CRUCIBLE_SANDBOX: 'none' }), /^CRUCIBLE_SANDBOX: /);
  });

  it('of a server that does not answer starts no worker', async () => {
    const address = `localhost:${await freePort()}`;
    await expectRefused(
      await run(['run', 'job.yaml'], { TEMPORAL_ADDRESS: address }),
      new RegExp(`^TEMPORAL_ADDRESS: expected a Temporal server at ${address}, none answered.*or unset`),
      1,
    );
  });

  it('of a machine without any isolation starts no server', async () => {
    const nothing = { XDG_CACHE_HOME: join(folder, 'cache'), PATH: '/nowhere' };
    await expectRefused(
      await run(['run', 'job.yaml'], { ...nothing, CRUCIBLE_SANDBOX: 'bubblewrap' }),
      /^No sandbox, so nothing is run\. no bubblewrap: .* Type: npm run setup/,
      1,
    );
  });
});

describe('the command line', () => {
  it('says its version, and with its help the exit statuses', async () => {
    const [version, help] = await Promise.all([run(['--version']), run(['--help'])]);
    expect(version).toMatchObject({ status: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(help).toMatchObject({ status: 0, out: expect.stringMatching(/3 nothing better was found/) });
  });

  it('gives its help without loading what only commands need', () => {
    const hook = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => { const found = next(name, context); console.error(found.url); return found; } });`;
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(hook)}`, main, 'optimize', '--help'],
      { encoding: 'utf8' },
    );
    const packages = [...stderr.matchAll(/node_modules\/([^/]+)/g)].map(([, name]) => name);
    expect({ status, packages: [...new Set(packages)] }).toEqual({ status: 0, packages: ['commander'] });
  });

  it('ends with 2 where it is used wrongly, and says what was meant', async () => {
    const [option, word] = await Promise.all([
      run(['optimize', 'ok.py', '--trails', '3']),
      run(['optimise']),
    ]);
    const tolerance = await run(['optimize', 'ok.py', '--tolerance', 'x']);
    expect(tolerance).toMatchObject({
      status: 2,
      error: expect.stringMatching(/expected a number from 0 up/),
    });
    expect(option).toMatchObject({ status: 2, error: expect.stringMatching(/Did you mean --trials\?/) });
    expect(word).toMatchObject({ status: 2, error: expect.stringMatching(/Did you mean optimize\?/) });
  });

  it('makes escape sequences of a job file visible, wherever they stand', async () => {
    const hostile = '\u001b]0;owned\u0007\u001b[2J';
    for (const text of [
      `kind: solve\nname: a\n"${hostile}": 1\n`,
      `kind: [${hostile}\n`,
      `kind: ${hostile}\n`,
    ]) {
      await writeFile(join(folder, 'odd.yaml'), text);
      const said = await run(['run', 'odd.yaml']);
      expect(said.status).toBe(2);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
      expect(said.error).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    }
  });
});

describe('a port', () => {
  it('that is taken, by the server or for its UI, is refused', async () => {
    const port = await freePort();
    const taken = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void taken.close());
    const message = /is taken by another program; name another: crucible up --port NUMBER/;
    await expectRefused(await run(['up', '--port', String(port)]), message);
    await expectRefused(await run(['up', '--port', String(port - 1000)]), message);
  });

  it('that is none is refused', async () => {
    await expectRefused(await run(['up', '--port', '65000']), '--port: expected at most 64535');
    const said = await run(['up', '--port', 'abc']);
    expect(said).toMatchObject({ status: 2, out: '' });
    expect(said.error).toContain("argument 'abc' is invalid. expected a whole number from 1 up");
  });
});

it('a job that does not exist cannot be cancelled, shown or reported', async () => {
  const said = await Promise.all(['cancel', 'show', 'report'].map((verb) => run([verb, 'nothing'])));
  for (const each of said)
    await expectRefused(each, /^there is no job nothing: there are no jobs yet; start one with crucible run/);
});

describe('a home that cannot be', () => {
  const expected = 'expected a folder that Crucible can keep its store in';

  it.each([
    ['a file', 'ok.py', 'there is a file in the way'],
    ['below a file', 'ok.py/home', 'there is a file in the way'],
    ['where no folder can be made', '/proc/nowhere', 'no folder can be made there'],
  ])('is named: %s', async (_, path, why) => {
    const wrong = resolve(folder, path);
    await expect(makeHome(wrong)).rejects.toThrow(
      `${wrong}: ${expected}: ${why}. Set CRUCIBLE_HOME to another one`,
    );
  });

  it.runIf(mayMount)('is named: on a disk that is read-only', async () => {
    const disk = await smallDisk(64);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    await expect(makeHome(join(disk, 'home'))).rejects.toThrow(`${expected}: its disk is read-only`);
    await expectRefused(
      await run(['run', 'job.yaml'], { CRUCIBLE_HOME: disk }),
      `${disk}: ${expected}: its disk is read-only`,
      1,
    );
  });

  it.runIf(mayMount)('is named: on a disk without room, where nothing is started', async () => {
    home = await smallDisk(64);
    await expectRefused(await run(['run', 'job.yaml']), /no room left on the disk; free some space/, 1);
    expect(await run(['down'])).toMatchObject({ status: 0, out: 'nothing was running\n' });
    home = await smallDisk(8 * 1024);
    await expectRefused(
      await run(['run', 'job.yaml']),
      /expected 100 MiB free on the disk of .*, found [0-9] MiB: free some space, or set CRUCIBLE_HOME/,
      1,
    );
  });

  it('is named by every command, and left as it is', async () => {
    home = join(folder, 'ok.py');
    const said = await Promise.all([['list'], ['up'], ['models'], ['show', 'x']].map((args) => run(args)));
    for (const each of said) await expectRefused(each, `${home}: ${expected}: there is a file in the way`, 1);
    expect(await run(['down'])).toMatchObject({ status: 0, out: 'nothing was running\n', error: '' });
  });

  it('is closed to others where it was open, its files too', async () => {
    await mkdir(home);
    await chmod(home, 0o755);
    await writeFile(join(home, 'worker.log'), '', { mode: 0o644 });
    await makeHome(home);
    const modes = await Promise.all(
      [home, join(home, 'worker.log')].map(async (path) => (await stat(path)).mode),
    );
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o700, 0o600]);
    await run(['list']);
    for (const name of await readdir(home)) {
      const found = await stat(join(home, name));
      if (found.isFile()) expect([name, found.mode & 0o077]).toEqual([name, 0]);
    }
  });

  it('is named: with something else where the ledger should be', async () => {
    await mkdir(home);
    await writeFile(join(home, 'ledger.db'), 'not a database, but a text of some length\n'.repeat(100));
    await expectRefused(
      await run(['list']),
      /expected a ledger, found a file that SQLite cannot open\. Move/,
      1,
    );
  });
});
