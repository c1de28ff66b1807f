import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { complaintOf } from '../../cli/mistakes.ts';
import { StorageFull } from '../../domain/errors.ts';
import { mayMount, smallDisk } from '../store/small-disk.ts';
import { temporaryFolder } from '../store/temporary-store.ts';

const said = (act: Promise<unknown>): Promise<string> =>
  act.then(
    () => 'nothing',
    (error: unknown) => complaintOf(error, { traced: false }),
  );

it('what the system refuses is told by its path and why, on one line', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'a file');
  await writeFile(file, '');
  expect(await said(mkdir(join(file, 'x')))).toBe(`${file}/x: there is a file in the way`);
  expect(await said(readFile(folder))).toBe('read: there is a folder in the way');
  expect(await said(readFile(join(folder, 'none')))).toBe(`${folder}/none: there is no such file or folder`);
  const denied = Object.assign(new Error('EACCES: …'), {
    code: 'EACCES',
    syscall: 'mkdir',
    path: '/other/faster',
  });
  expect(complaintOf(denied, { traced: false })).toBe('/other/faster: permission denied');
});

it.runIf(mayMount)('a disk that is read-only or full is told as that', async () => {
  const disk = await smallDisk(64);
  expect(await said(writeFile(join(disk, 'big'), Buffer.alloc(2 ** 20)))).toContain(
    'no room left on the disk',
  );
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  expect(await said(mkdir(join(disk, 'faster')))).toBe(`${disk}/faster: its disk is read-only`);
});

it('an answer is its message; a fault of ours is called one, and shows where only if asked', () => {
  expect(complaintOf(new StorageFull('no room'), { traced: false })).toBe('no room');
  const fault = new TypeError('x is not a function\nand more');
  expect(complaintOf(fault, { traced: false })).toBe(
    'a fault of Crucible: TypeError: x is not a function (CRUCIBLE_LOG=debug shows where)',
  );
  expect(complaintOf(fault, { traced: true })).toContain('mistakes.test.ts');
  expect(complaintOf('text', { traced: false })).toBe('text');
});
