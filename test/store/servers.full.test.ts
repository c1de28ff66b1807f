import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ArtifactDamaged, StorageFull, StoreUnavailable } from '../../domain/errors.ts';
import { copyStore } from '../../store/copy-store.ts';
import type { NewJob } from '../../store/ledger/jobs.ts';
import { openStore, type SharedPlaces, type Store } from '../../store/store.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';
import { startS3, type TestS3 } from '../support/s3.ts';
import { s3Credentials } from '../support/s3-credentials.ts';
import { sharedFile } from './places.ts';
import { startProcess, together } from './processes.ts';
import { mayMount, smallDisk } from './small-disk.ts';
import { spending } from './spending.ts';
import { temporaryFolder, temporaryStore } from './temporary-store.ts';

let postgres: TestPostgres;
let s3: TestS3;

beforeAll(async () => {
  Object.assign(process.env, s3Credentials);
  [postgres, s3] = await Promise.all([startPostgres(), startS3()]);
  await s3.makeBucket('bucket');
});

afterAll(async () => {
  await Promise.all([postgres.stop(), s3.stop()]);
});

const secrets = ['canary-of-a-password', 'canary-of-a-secret'];

let stores = 0;

/** Where a new store is to be. */
async function newPlaces(): Promise<SharedPlaces & { blobs: { url: string; endpoint: string } }> {
  stores += 1;
  const ledger = await postgres.database(`store${stores}`);
  return { ledger, blobs: { url: `s3://bucket/store${stores}`, endpoint: s3.endpoint, region: null } };
}

async function opened(shared: SharedPlaces): Promise<Store> {
  const store = await openStore(await temporaryFolder(), { shared });
  onTestFinished(() => store.close());
  return store;
}

/** Leads to a server through a network that the test makes bad. */
async function through(port: number): Promise<TestProxy> {
  const proxy = await startProxy(port);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** A store that other processes find by its folder, too. */
async function sharedFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, sharedFile), JSON.stringify({ ...(await newPlaces()), files: '' }));
  return folder;
}

const job: NewJob = {
  id: 'solve/a',
  series: 'solve/a',
  run: 1,
  name: 'a',
  kind: 'solve',
  role: 'job',
  input: '0'.repeat(64),
  startedAt: 1,
};

describe('a store on servers that cannot be used', () => {
  const changed = (places: SharedPlaces, ledger: (url: URL) => void): SharedPlaces => {
    const url = new URL(places.ledger);
    ledger(url);
    return { ...places, ledger: url.href };
  };
  const elsewhere = (places: SharedPlaces, blobs: { url?: string; endpoint?: string }): SharedPlaces => ({
    ...places,
    blobs: {
      ...('url' in places.blobs ? places.blobs : { url: '', endpoint: null, region: null }),
      ...blobs,
    },
  });

  it.each<[string, RegExp, (places: SharedPlaces) => SharedPlaces]>([
    [
      'no server of that port',
      /^CRUCIBLE_STORE: expected a PostgreSQL server at postgres:\/\/crucible@127\.0\.0\.1:1\/\w+, which cannot be reached \(.*ECONNREFUSED.*asked \d+ times in 5 s\): start it/,
      (places) => changed(places, (url) => (url.port = '1')),
    ],
    [
      'no such host',
      /^CRUCIBLE_STORE: expected a PostgreSQL server at postgres:\/\/crucible@nowhere\.invalid:\d+\/\w+, which cannot be reached/,
      (places) => changed(places, (url) => (url.hostname = 'nowhere.invalid')),
    ],
    [
      'no such database',
      /^CRUCIBLE_STORE: the server at \S+\/missing has no such database: create it/,
      (places) => changed(places, (url) => (url.pathname = '/missing')),
    ],
    [
      'no such user',
      /^CRUCIBLE_STORE: the server at postgres:\/\/nobody@\S+ refuses the user or the password/,
      (places) => changed(places, (url) => (url.username = 'nobody')),
    ],
    [
      'no such bucket',
      /^CRUCIBLE_BLOBS: s3:\/\/missing-bucket\/x at http:\/\/127\.0\.0\.1:\d+: there is no bucket missing-bucket: create it/,
      (places) => elsewhere(places, { url: 's3://missing-bucket/x' }),
    ],
    [
      'no S3 server of that port',
      /^CRUCIBLE_BLOBS: s3:\/\/bucket\/\w+ at http:\/\/127\.0\.0\.1:1: the server cannot be reached \(.*asked 4 times\): correct AWS_ENDPOINT_URL_S3/,
      (places) => elsewhere(places, { endpoint: 'http://127.0.0.1:1' }),
    ],
  ])('says so in one line with the variable, and no secret: %s', async (_, line, change) => {
    const error = await opened(change(await newPlaces())).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(StoreUnavailable);
    const message = String(error instanceof Error && error.message);
    expect(message).toMatch(line);
    expect(message).not.toContain('\n');
    for (const secret of secrets) expect(message).not.toContain(secret);
  });

  it.each([
    ['AWS_SECRET_ACCESS_KEY', 'wrong-secret-0123456789'],
    ['AWS_ACCESS_KEY_ID', 'stranger'],
  ])('says which credentials are wrong: %s', async (name, value) => {
    const before = process.env[name];
    process.env[name] = value;
    onTestFinished(() => {
      process.env[name] = before;
    });
    const places = await newPlaces();
    await expect(opened(places)).rejects.toThrow(
      /^CRUCIBLE_BLOBS: .*refuses \(\w+\): correct AWS_ACCESS_KEY_ID/,
    );
    await expect(opened(places)).rejects.not.toThrow(value);
  });

  it.each([
    [60_000, /^CRUCIBLE_STORE: this host's clock is (59|60|61) s ahead of that of the server at postgres:/],
    [-60_000, /^CRUCIBLE_STORE: this host's clock is (59|60|61) s behind that of the server at postgres:/],
    [2_000, null],
  ])('warns of a host whose clock differs by %i ms', async (differsMs, line) => {
    const places = await newPlaces();
    const said: string[] = [];
    const { now } = Date;
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + differsMs);
    onTestFinished(() => clock.mockRestore());
    const shared = { ledger: places.ledger, blobs: { folder: await temporaryFolder() } };
    const store = await openStore(await temporaryFolder(), { shared, warn: (message) => said.push(message) });
    await store.close();
    expect(said).toEqual(line === null ? [] : [expect.stringMatching(line)]);
  });

  it('is told by a user who may not make tables', async () => {
    const places = await newPlaces();
    await postgres.ask('postgres', `create role guest login password 'guest'`);
    const guest = changed(places, (url) => {
      url.username = 'guest';
      url.password = 'guest';
    });
    await expect(opened(guest)).rejects.toThrow(
      /^CRUCIBLE_STORE: the user of postgres:\/\/guest@\S+ may not/,
    );
  });
});

describe('a store over a bad network', () => {
  it('whose connections break in the middle of what they do loses and doubles nothing', async () => {
    const places = await newPlaces();
    const proxy = await through(postgres.port);
    const url = new URL(places.ledger);
    url.port = String(proxy.port);
    const { ledger } = await opened({ ...places, ledger: url.href });
    await ledger.openJob(job);
    await ledger.openAccount({ id: 'a', cap: { microUsd: 1e6, tokens: 1e6 } });
    let isOver = false;
    const cutting = (async () => {
      for (; !isOver; await wait(40)) proxy.cut();
    })();
    let computed = 0;
    for (let index = 0; index < 150; index += 1) {
      await ledger.say(job.id, `event-${index}`, 'said', index);
      await ledger.once(`step-${index}`, { jobId: job.id, kind: 'test' }, async () => (computed += 1));
      const request = await spending(ledger, 'a', { microUsd: 2, tokens: 2 }, `call-${index}`);
      await request.settle({ microUsd: 1, tokens: 1 });
    }
    isOver = true;
    await cutting;
    expect(proxy.count()).toBeGreaterThan(5);
    expect(await ledger.events(job.id)).toHaveLength(150);
    expect(computed).toBe(150);
    expect(await ledger.account('a')).toMatchObject({ spent: { microUsd: 150 }, held: { microUsd: 0 } });
  });

  it('whose ledger is killed and started again goes on with what was asked meanwhile', async () => {
    const { ledger } = await opened(await newPlaces());
    await ledger.openJob(job);
    await ledger.say(job.id, 'before', 'said', 1);
    await postgres.kill();
    const saying = ledger.say(job.id, 'meanwhile', 'said', 2);
    await wait(500);
    await postgres.restart();
    await saying;
    expect((await ledger.events(job.id)).map(({ key }) => key)).toEqual(['before', 'meanwhile']);
  });

  it('that is slow and breaks off gives whole blobs or none', async () => {
    const places = await newPlaces();
    const proxy = await through(s3.port);
    const { blobs } = await opened({
      ...places,
      blobs: { ...places.blobs, endpoint: `http://127.0.0.1:${proxy.port}`, region: null },
    });
    const folder = await temporaryFolder();
    const large = randomBytes(12_000_000);
    const artifact = await blobs.put(large);
    proxy.network.slowMs = 5;
    proxy.network.breaksAfter = 4_000_000;
    const healed = setTimeout(() => {
      proxy.network.breaksAfter = null;
    }, 300);
    onTestFinished(() => clearTimeout(healed));
    expect((await blobs.get(artifact)).equals(large)).toBe(true);

    proxy.network.breaksAfter = 4_000_000;
    await expect(blobs.place(artifact, join(folder, 'in', 'file'))).rejects.toThrow(StoreUnavailable);
    expect(await readdir(join(folder, 'in'))).toEqual([]);
    proxy.network.breaksAfter = null;
    proxy.network.gone = true;
    proxy.cut();
    await expect(blobs.put('never')).rejects.toThrow(StoreUnavailable);
    proxy.network.gone = false;
    expect(await blobs.text(await blobs.put('never'))).toBe('never');
    expect(await blobs.has(artifact)).toBe(true);
  });

  it('a writer killed in the middle of a large file leaves no blob', async () => {
    const folder = await sharedFolder();
    const { blobs } = await temporaryStore(folder);
    const source = join(folder, 'large');
    await writeFile(source, randomBytes(60_000_000));
    const writer = await startProcess(folder, 'putFile', source);
    writer.go();
    await wait(700);
    writer.child.kill('SIGKILL');
    await once(writer.child, 'exit');
    const listed: unknown[] = [];
    for await (const { artifact, bytes } of blobs.list()) {
      // It was quicker than we: whole, then.
      expect(bytes).toBe(60_000_000);
      listed.push(artifact);
    }
    expect(listed.length).toBeLessThanOrEqual(1);
    const artifact = await blobs.putFile(source);
    expect((await blobs.head(artifact, 1)).bytes).toBe(60_000_000);
  });
});

describe.runIf(mayMount)('a server without room', () => {
  it('of blobs is StorageFull, with nothing half-written, and goes on when there is room', async () => {
    const disk = await smallDisk(4_096);
    const server = await startS3({ files: disk });
    onTestFinished(() => server.stop());
    await server.makeBucket('bucket');
    const places = await newPlaces();
    const { blobs } = await opened({
      ...places,
      blobs: { url: 's3://bucket', endpoint: server.endpoint, region: null },
    });
    const kept = await blobs.put(randomBytes(1_000_000));
    await expect(blobs.put(randomBytes(6_000_000))).rejects.toThrow(StorageFull);
    const listed: string[] = [];
    for await (const { artifact } of blobs.list()) listed.push(artifact);
    expect(listed).toEqual([kept]);
    const after = await blobs.put(randomBytes(1_000_000));
    expect(await blobs.has(after)).toBe(true);
  });

  it('for the ledger is StorageFull, loses nothing and goes on when there is room', async () => {
    const disk = await smallDisk(90_000);
    const server = await startPostgres({ files: join(disk, 'data') });
    onTestFinished(() => server.stop());
    const filler = join(disk, 'filler');
    const ledgerUrl = await server.database('small');
    const { ledger } = await opened({ ...(await newPlaces()), ledger: ledgerUrl });
    const value = (index: number): string =>
      randomBytes(30_000)
        .toString('hex')
        .slice(0, 60_000 - (index % 7));
    const remembered = new Map<string, string>();
    await writeFile(filler, Buffer.alloc(8_000_000));
    const fill = async (): Promise<void> => {
      for (let index = 0; index < 3_000; index += 1) {
        const text = value(index);
        await ledger.remember(`key-${index}`, text);
        remembered.set(`key-${index}`, text);
      }
    };
    await expect(fill()).rejects.toThrow(StorageFull);
    await rm(filler);
    for (const [key, text] of remembered) expect(await ledger.recall(key)).toBe(text);
    await ledger.remember('after', 'room');
    expect(await ledger.recall('after')).toBe('room');
  });
});

describe('many processes', () => {
  it.each(['in a folder', 'on servers'])(
    'take 1,000 steps each at once and lose and double nothing: %s',
    async (where) => {
      const folder = where === 'on servers' ? await sharedFolder() : await temporaryFolder();
      const all = await together<{ results: number[]; computed: number }>(4, folder, 'steps', '1000');
      const [first] = all;
      expect(first?.results).toHaveLength(1_000);
      for (const { results } of all) expect(results).toEqual(first?.results);
      const { ledger } = await temporaryStore(folder);
      const steps = await ledger.steps('job');
      expect(steps).toHaveLength(1_000);
      expect(steps.every(({ end }) => end.kind === 'done')).toBe(true);
      // Each computing was a start on record, and each process computed at most its own thousand.
      expect(steps.reduce((sum, { starts }) => sum + starts, 0)).toBe(
        all.reduce((sum, { computed }) => sum + computed, 0),
      );
    },
  );
});

it('a store in a folder is copied to servers, and back', async () => {
  const folder = await temporaryFolder();
  const before = await openStore(folder);
  onTestFinished(() => before.close());
  await before.ledger.openJob(job);
  const artifact = await before.blobs.put(randomBytes(100_000));
  const shared = await newPlaces();
  const servers = { home: '', shared };
  expect(await copyStore({ home: folder, shared: null }, servers)).toMatchObject({
    artifacts: 1,
    running: 1,
  });
  const there = await opened(shared);
  expect(there.id).toBe(before.id);
  await there.ledger.say(job.id, 'there', 'said on servers', 1);
  const back = { home: await temporaryFolder(), shared: null };
  expect(await copyStore(servers, back)).toMatchObject({ artifacts: 1, running: 1 });
  const after = await openStore(back.home);
  onTestFinished(() => after.close());
  expect(await after.ledger.job(job.id)).toEqual(await before.ledger.job(job.id));
  expect((await after.ledger.events(job.id)).map(({ key }) => key)).toEqual(['there']);
  expect((await after.blobs.get(artifact)).length).toBe(100_000);
});

it('a blob whose bytes are not its name’s is found also where the server believes in them', async () => {
  const { blobs } = await opened(await newPlaces());
  const artifact = await blobs.put('as it was');
  const name = `store${stores}`;
  await writeFile(
    join(s3.folder, 'bucket', name, artifact.slice(0, 2), artifact.slice(2, 4), artifact),
    'as it is!',
  );
  await expect(blobs.text(artifact)).rejects.toThrow(ArtifactDamaged);
  expect(await blobs.has(artifact)).toBe(false);
});
