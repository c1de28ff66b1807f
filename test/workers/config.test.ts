import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../workers/config.ts';

const ledger = 'postgres://crucible:canary%2Fof%20a%20password@db.example:5432/crucible';

describe('where a shared store is', () => {
  it('is said by two variables, and by those of AWS', () => {
    expect(readConfig({}).shared).toBeNull();
    expect(
      readConfig({
        CRUCIBLE_STORE: ledger,
        CRUCIBLE_BLOBS: 's3://bucket/a/prefix',
        AWS_ENDPOINT_URL: 'http://general:1',
        AWS_ENDPOINT_URL_S3: 'http://localhost:7070',
        AWS_REGION: 'eu-central-1',
      }).shared,
    ).toEqual({
      ledger,
      blobs: { url: 's3://bucket/a/prefix', endpoint: 'http://localhost:7070', region: 'eu-central-1' },
    });
    expect(readConfig({ CRUCIBLE_STORE: ledger, CRUCIBLE_BLOBS: '/mnt/blobs' }).shared).toEqual({
      ledger,
      blobs: { folder: '/mnt/blobs' },
    });
  });

  it.each([
    [{ CRUCIBLE_STORE: ledger }, /^CRUCIBLE_BLOBS: expected it to be set as its pair is/],
    [{ CRUCIBLE_BLOBS: 's3://bucket' }, /^CRUCIBLE_STORE: expected it to be set as its pair is/],
    [{ CRUCIBLE_STORE: 'mysql://crucible:canary@db/x' }, /^CRUCIBLE_STORE: expected postgres:\/\/USER/],
    [{ CRUCIBLE_STORE: 'postgres://u:canary%zz@db/x' }, /^CRUCIBLE_STORE: .* are written %XX/],
    [{ CRUCIBLE_BLOBS: 'https://bucket' }, /^CRUCIBLE_BLOBS: expected s3:\/\/BUCKET\/PREFIX .* got "https/],
    [{ CRUCIBLE_BLOBS: 's3://no_bucket' }, /^CRUCIBLE_BLOBS: expected s3:/],
    [{ AWS_ENDPOINT_URL_S3: 'localhost' }, /^AWS_ENDPOINT_URL_S3: /],
  ])('is refused by the name of the variable, without a password: %j', (environment, message) => {
    let said = '';
    try {
      readConfig(environment);
    } catch (error) {
      said = String(error instanceof Error && error.message);
    }
    expect(said).toMatch(message);
    expect(said).not.toContain('canary');
  });

  it('has a password that is taken out of what is written, as it is and as it stands in the address', () => {
    const { clean } = readConfig({
      CRUCIBLE_STORE: ledger,
      CRUCIBLE_BLOBS: '/mnt/blobs',
      AWS_SECRET_ACCESS_KEY: 'canary-of-a-secret',
    });
    for (const secret of ['canary/of a password', 'canary%2Fof%20a%20password', 'canary-of-a-secret'])
      expect(clean.text(`the server said: ${secret} is wrong`)).toBe('the server said: [key] is wrong');
  });
});

const home = join(tmpdir(), 'crucible-config');

it('addresses to answer at are host and port, or refused with what was expected', () => {
  const { metrics, health } = readConfig({ CRUCIBLE_HOME: home, CRUCIBLE_METRICS: '0.0.0.0:9464' });
  expect([metrics, health]).toEqual([{ host: '0.0.0.0', port: 9464 }, null]);
  for (const wrong of ['9464', 'localhost', 'a b:1', 'host:99999', 'host:port'])
    expect(() => readConfig({ CRUCIBLE_HOME: home, CRUCIBLE_HEALTH: wrong })).toThrow(
      /^CRUCIBLE_HEALTH: expected (host:port, as in 127\.0\.0\.1:9464|a port below 65,536), got /,
    );
});

it('a worker ends itself on purpose only for a store among temporary files', () => {
  const at = (given: string, folder = home) =>
    readConfig({ CRUCIBLE_HOME: folder, CRUCIBLE_FAILPOINT: given }).failpoint;
  expect(at('step-done:3')).toEqual({ at: 'step-done', count: 3 });
  expect(at('step-done')).toEqual({ at: 'step-done', count: 1 });
  for (const folder of ['/home/someone/.crucible', `${tmpdir()}-else/home`])
    expect(() => at('step-done', folder)).toThrow(
      /^CRUCIBLE_FAILPOINT ends a worker on purpose, for tests: expected CRUCIBLE_HOME below /,
    );
  expect(() => at('somewhere:1')).toThrow(/^CRUCIBLE_FAILPOINT/);
  expect(() => at('step-done:0')).toThrow(/^CRUCIBLE_FAILPOINT/);
});

it('a server is spoken to as Temporal\u2019s own variables say, and the embedded one plainly', () => {
  const read = (more: Record<string, string>) => readConfig({ CRUCIBLE_HOME: home, ...more });
  expect(read({ TEMPORAL_API_KEY: 'canary-key' })).toMatchObject({ temporalAddress: null, access: {} });
  const cloud = read({
    TEMPORAL_ADDRESS: 'a.tmprl.cloud:7233',
    TEMPORAL_NAMESPACE: 'a',
    TEMPORAL_API_KEY: 'canary-key',
  });
  expect(cloud).toMatchObject({ temporalAddress: 'a.tmprl.cloud:7233', namespace: 'a' });
  expect(cloud.access).toEqual({ apiKey: 'canary-key', tls: true });
  expect(cloud.clean.text('sent canary-key')).toBe('sent [key]');
  const mutual = read({
    TEMPORAL_ADDRESS: 'a.tmprl.cloud:7233',
    TEMPORAL_TLS_CLIENT_CERT_DATA: 'certificate',
    TEMPORAL_TLS_CLIENT_KEY_DATA: 'canary-of-it',
    TEMPORAL_TLS_SERVER_NAME: 'inside',
  });
  const { tls } = mutual.access;
  if (typeof tls !== 'object' || tls?.clientCertPair == null) return expect.fail();
  expect(tls.serverNameOverride).toBe('inside');
  const { crt, key } = tls.clientCertPair;
  expect([crt, key].map((each) => Buffer.from(each).toString())).toEqual(['certificate', 'canary-of-it']);
  expect(read({ TEMPORAL_ADDRESS: 'localhost:7233' })).toMatchObject({ namespace: 'default', access: {} });
  expect(() =>
    read({
      TEMPORAL_ADDRESS: 'a:1',
      TEMPORAL_TLS_CLIENT_CERT_PATH: '/no/such.pem',
      TEMPORAL_TLS_CLIENT_KEY_PATH: '/no/such.key',
    }),
  ).toThrow(/^Temporal's variables \(TEMPORAL_TLS…, TEMPORAL_PROFILE\): /);
});
