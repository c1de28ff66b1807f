import { createHash } from 'node:crypto';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArtifactDamaged, StoreRefused } from '../../domain/errors.ts';
import { flipBit } from './flip-bit.ts';
import { fileOf } from './places.ts';
import { together } from './processes.ts';
import { temporaryHome, temporaryStore } from './temporary-store.ts';

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

describe('blobs', { timeout: 60_000 }, () => {
  it('any bytes come back as they were put, under their SHA-256, from memory and from a file', async () => {
    const { store, home } = await temporaryHome();
    const { blobs } = store;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5_000 }), async (bytes) => {
        await writeFile(join(home, 'source'), bytes);
        const artifact = await blobs.put(bytes);
        expect(artifact).toBe(sha256(bytes));
        expect(await blobs.putFile(join(home, 'source'))).toBe(artifact);
        expect(Uint8Array.from(await blobs.get(artifact))).toEqual(bytes);
        expect(await blobs.has(artifact)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('a file larger than is held in memory comes back whole, from its place and from a read', async () => {
    const { store, home } = await temporaryHome();
    const bytes = Buffer.alloc(20_000_000, 'no part is like another: ');
    for (let at = 0; at < bytes.length; at += 100_000) bytes.writeUInt32LE(at, at);
    await writeFile(join(home, 'large'), bytes);
    const artifact = await store.blobs.putFile(join(home, 'large'));
    expect(artifact).toBe(sha256(bytes));
    await store.blobs.place(artifact, join(home, 'placed'));
    expect((await readFile(join(home, 'placed'))).equals(bytes)).toBe(true);
    expect((await store.blobs.get(artifact)).equals(bytes)).toBe(true);
    expect((await store.blobs.head(artifact, 10)).bytes).toBe(20_000_000);
  });

  it('text comes back as text, the empty one too', async () => {
    const { blobs } = await temporaryStore();
    expect(await blobs.text(await blobs.put('größer → 大'))).toBe('größer → 大');
    const empty = await blobs.put('');
    expect(await blobs.text(empty)).toBe('');
    expect(await blobs.head(empty, 4)).toEqual({ start: Buffer.alloc(0), bytes: 0 });
  });

  it('the beginning of a blob comes with how long it is, without the rest being read', async () => {
    const { blobs } = await temporaryStore();
    const artifact = await blobs.put('0123456789');
    expect(await blobs.head(artifact, 4)).toEqual({ start: Buffer.from('0123'), bytes: 10 });
    expect(await blobs.head(artifact, 40)).toEqual({ start: Buffer.from('0123456789'), bytes: 10 });
    await expect(blobs.head('0'.repeat(64), 4)).rejects.toThrow(/is missing/);
  });

  it('what was never put is missing, and a name that is no hash is refused', async () => {
    const { store, home } = await temporaryHome();
    const { blobs } = store;
    expect(await blobs.has(sha256('never'))).toBe(false);
    await expect(blobs.get(sha256('never'))).rejects.toThrow(ArtifactDamaged);
    await expect(blobs.place(sha256('never'), join(home, 'placed'))).rejects.toThrow(/is missing/);
    await expect(blobs.get('../../etc/passwd')).rejects.toThrow(/expected an artifact name/);
  });

  it('a flipped bit is found by reading and placing, and mended by putting the bytes again', async () => {
    const { store, home } = await temporaryHome();
    const { blobs } = store;
    const text = 'the quick brown fox';
    const artifact = await blobs.put(text);
    await flipBit(await fileOf(home, artifact));
    await expect(blobs.text(artifact)).rejects.toThrow(/is damaged/);
    expect(await blobs.put(text)).toBe(artifact);
    expect(await blobs.text(artifact)).toBe(text);

    await flipBit(await fileOf(home, artifact));
    await expect(blobs.place(artifact, join(home, 'in', 'placed'))).rejects.toThrow(ArtifactDamaged);
    // Neither it nor a part of it.
    expect(await readdir(join(home, 'in')).catch(() => [])).toEqual([]);
    await writeFile(join(home, 'source'), text);
    await blobs.putFile(join(home, 'source'));
    expect(await blobs.text(artifact)).toBe(text);
  });

  it('a placed blob is read-only, and placing again replaces what is there', async () => {
    const { store, home } = await temporaryHome();
    const { blobs } = store;
    const artifact = await blobs.put('placed');
    const path = join(home, 'in', 'deep', 'file');
    await blobs.place(artifact, path);
    await blobs.place(artifact, path);
    expect((await stat(path)).mode & 0o777).toBe(0o444);
    await blobs.place(await blobs.put('other'), path);
    expect(await readFile(path, 'utf8')).toBe('other');
    expect(await blobs.text(artifact)).toBe('placed');
    expect(await readdir(join(home, 'in', 'deep'))).toEqual(['file']);
  });

  it('all are listed with when they were put; an old one is removed, and one that was put again is not', async () => {
    const { store, home } = await temporaryHome();
    const { blobs } = store;
    const [old, again, young] = await Promise.all(['old', 'again', 'young'].map((each) => blobs.put(each)));
    const now = Date.now();
    for (const each of [old ?? '', again ?? '']) {
      const path = await fileOf(home, each);
      await utimes(path, now / 1000 - 7 * 86_400, now / 1000 - 7 * 86_400);
    }
    await blobs.put('again');
    const listed = new Map<string, number>();
    for await (const { artifact, putAt } of blobs.list()) listed.set(artifact, putAt);
    expect([...listed.keys()].sort()).toEqual([old, again, young].sort());
    expect(listed.get(old ?? '')).toBeLessThan(now - 6 * 86_400_000);

    const before = now - 86_400_000;
    for (const [artifact = '', gone] of [
      [old, true],
      [again, false],
      [young, false],
    ] as const) {
      expect(await blobs.remove(artifact, before)).toBe(gone);
      expect(await blobs.has(artifact)).toBe(!gone);
    }
    expect(await blobs.remove(old ?? '', before)).toBe(false);
  });

  it('many processes may put the same bytes at once', async () => {
    const { store, home } = await temporaryHome();
    const names = await together<string[]>(4, home, 'put');
    expect(new Set(names.map((list) => list.join())).size).toBe(1);
    const listed: string[] = [];
    for await (const { artifact } of store.blobs.list()) listed.push(artifact);
    expect(listed.sort()).toEqual(names[0]?.toSorted());
    for (const artifact of names[0] ?? []) expect((await store.blobs.get(artifact)).length).toBe(100_000);
  });

  it('belong to one store, and are refused to another, which would remove them', async () => {
    const { store } = await temporaryHome();
    await store.blobs.claim(store.id);
    await expect(store.blobs.claim('another')).rejects.toThrow(StoreRefused);
    await expect(store.blobs.claim('another')).rejects.toThrow(store.id);
  });
});
