import { access, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readCatalogue } from '../../llm/catalogue/catalogue.ts';
import { readConfig } from '../../workers/config.ts';
import { createMetrics } from '../../workers/metrics.ts';

const docker = fileURLToPath(new URL('../../docker/', import.meta.url));
const read = (path: string): Promise<string> => readFile(join(docker, path), 'utf8');
const roles = ['orchestrate', 'model', 'sandbox', 'bench'];
const keys = readCatalogue(join(tmpdir(), 'no-such-home')).providers.flatMap(
  ({ keyVariable }) => keyVariable ?? [],
);

const Service = z.object({
  image: z.string().optional(),
  build: z.object({ context: z.string(), dockerfile: z.string(), target: z.string() }).optional(),
  command: z.array(z.string()).optional(),
  environment: z
    .record(
      z.string(),
      z
        .string()
        .nullable()
        .transform((value) => value ?? ''),
    )
    .default({}),
  depends_on: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).default([]),
  networks: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  ports: z.array(z.string()).default([]),
});
const Compose = z.object({
  services: z.record(z.string(), Service),
  networks: z.record(z.string(), z.unknown()),
  volumes: z.record(z.string(), z.unknown()),
});

/** The file as the engine reads it, where each variable without a default is set. */
async function composed(): Promise<z.infer<typeof Compose>> {
  const text = (await read('compose.yaml')).replaceAll(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind: string | undefined, rest: string) => (kind === '-' ? rest : `set-${name}`),
  );
  return Compose.parse(parse(text, { merge: true }));
}

it('the composed workers are those of all roles, and each is configured as a worker reads it', async () => {
  const { services } = await composed();
  for (const role of roles) {
    const { command, environment, build } = services[role] ?? expect.fail();
    expect(command).toEqual([role]);
    const config = readConfig({ CRUCIBLE_HOME: join(tmpdir(), 'composed'), ...environment });
    expect(config).toMatchObject({
      temporalAddress: 'temporal:7233',
      shared: { blobs: { url: 's3://crucible/store', endpoint: 'http://files:7070' } },
      metrics: { port: 9464 },
      health: { port: 8080 },
    });
    expect(await read(join('..', build?.dockerfile ?? ''))).toContain(` AS ${build?.target}\n`);
  }
});

it('workers that ask models hold the keys, those that run programs hold none and have no way out', async () => {
  const { services } = await composed();
  const keysOf = (role: string) => keys.filter((key) => key in (services[role]?.environment ?? {}));
  expect(keysOf('model')).toContain('ANTHROPIC_API_KEY');
  for (const role of roles.filter((each) => each !== 'model')) {
    expect(keysOf(role)).toEqual([]);
    expect(services[role]?.networks).toEqual(['inside']);
  }
  const { networks } = await composed();
  expect(networks.inside).toEqual({ internal: true });
});

it('whatever a service needs is there, and nothing is reached from other machines', async () => {
  const { services, networks, volumes } = await composed();
  for (const service of Object.values(services)) {
    const needed = Array.isArray(service.depends_on) ? service.depends_on : Object.keys(service.depends_on);
    for (const name of needed) expect(Object.keys(services)).toContain(name);
    for (const name of service.networks) expect(Object.keys(networks)).toContain(name);
    for (const volume of service.volumes) {
      const [from = ''] = volume.split(':');
      if (from.startsWith('./')) await access(join(docker, from));
      else expect(Object.keys(volumes)).toContain(from);
    }
    for (const port of service.ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  }
});

it('the dashboard asks for metrics that workers have', async () => {
  const names = new Set<string>();
  const counting = { add: () => undefined, record: () => undefined, set: () => undefined };
  const named = (ending: string) => (name: string) => {
    names.add(`${name}${ending}`);
    return counting;
  };
  createMetrics({
    createCounter: named('_total'),
    createGauge: named(''),
    createHistogram: named(''),
  } as unknown as Parameters<typeof createMetrics>[0]); // only what makes a metric is asked for
  const { panels } = z
    .object({ panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })) })) })
    .parse(JSON.parse(await read('observe/dashboard.json')));
  const asked = panels.flatMap(({ targets }) =>
    targets.flatMap(({ expr }) => expr.match(/crucible_\w+/g) ?? []),
  );
  expect(new Set(asked.map((name) => name.replace(/_(bucket|count|sum)$/, '')))).toEqual(names);
});
