import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { helmPath } from '../../setup/steps/helm.mjs';

const chart = fileURLToPath(new URL('../../docker/chart/crucible', import.meta.url));

it('the chart renders, with keys for the model role alone and a queue for each that scales', () => {
  const helm = helmPath() ?? expect.fail('expected Helm, which npm run test:full installs');
  const values = [
    ...['image.repository=r/worker', 'image.sandbox=r/sandbox', 'temporal.address=t:7233'],
    ...['blobs.url=s3://b/p', 'keysSecret=the-keys', 'storeId=f89a71ba', 'scaling.enabled=true'],
  ].join(',');
  const rendered = execFileSync(helm, ['template', 'x', chart, '--set', values], { encoding: 'utf8' });
  const made = parseAllDocuments(rendered).map((each) => JSON.stringify(each.toJSON()));
  const roles = ['orchestrate', 'model', 'sandbox', 'bench'];
  expect(made.filter((text) => text.includes('"Deployment"'))).toHaveLength(roles.length);
  const holding = made.filter((text) => text.includes('the-keys'));
  expect(holding).toHaveLength(1);
  expect(holding[0]).toContain('"args":["model"]');
  expect(made.filter((text) => /"taskQueue":"(orchestrate|sandbox)\.f89a71ba"/.test(text))).toHaveLength(2);
  // Without the values that it needs.
  expect(spawnSync(helm, ['template', 'x', chart]).status).not.toBe(0);
});
