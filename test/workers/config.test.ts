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
