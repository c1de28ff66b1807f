import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';

// Before set-up is loaded: it reads the place of its cache once.
const cacheHome = mkdtempSync(join(tmpdir(), 'temporal-cache-'));
process.env.XDG_CACHE_HOME = cacheHome;
const { downloadTemporal } = await import('../../setup/steps/temporal.mjs');
const { workOn } = await import('../../setup/work.mjs');
afterAll(() => rmSync(cacheHome, { recursive: true }));

let folder: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'temporal-'));
});
afterEach(() => {
  server?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The address of a server on this machine that answers so. */
async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const work = () => workOn('temporal', false, () => {});

test('the server is downloaded, unpacked and can be run, and nothing else stays', async () => {
  const source = mkdtempSync(join(tmpdir(), 'temporal-source-'));
  writeFileSync(join(source, 'temporal'), '#!/bin/sh\necho temporal version 1.5.1\n', { mode: 0o644 });
  writeFileSync(join(source, 'LICENSE'), 'not wanted');
  execFileSync('tar', ['-czf', 'archive.tar.gz', 'temporal', 'LICENSE'], { cwd: source });
  const asked: string[] = [];
  const site = await serve((request, response) => {
    asked.push(request.url ?? '');
    if (request.url?.startsWith('/cli/')) {
      response.end(JSON.stringify({ archiveUrl: `${site}/archive.tar.gz`, fileToExtract: 'temporal' }));
    } else response.end(readFileSync(join(source, 'archive.tar.gz')));
  });

  const program = await downloadTemporal(site, folder, work());
  expect(execFileSync(program, { encoding: 'utf8' })).toBe('temporal version 1.5.1\n');
  expect(readdirSync(folder)).toEqual(['temporal']);
  expect(asked[0]).toMatch(/^\/cli\/v1\.5\.1\?arch=(amd64|arm64)&platform=(linux|darwin)$/);
  rmSync(source, { recursive: true });
});

test('a site that refuses, and one that breaks off, leave nothing behind', async () => {
  const site = await serve((request, response) => {
    if (request.url?.startsWith('/cli/')) {
      response.end(JSON.stringify({ archiveUrl: `${site}/archive.tar.gz`, fileToExtract: 'temporal' }));
    } else
      response.writeHead(200, { 'Content-Length': 1_000_000 }).write('a beginning', () => response.destroy());
  });
  await expect(downloadTemporal(site, folder, work())).rejects.toThrow();
  await expect(downloadTemporal(`${site}/elsewhere`, folder, work())).rejects.toThrow();
  expect(readdirSync(folder)).toEqual([]);
});
