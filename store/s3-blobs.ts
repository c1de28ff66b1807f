import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { Artifact } from '../domain/artifact.schema.ts';
import { ArtifactDamaged, StorageFull, StoreRefused, StoreUnavailable } from '../domain/errors.ts';
import type { BlobStore } from './blobs.ts';
import { hashOf, keepingRoom, nameOf } from './file-blobs.ts';

/** Where blobs are: a bucket, what all their names begin with, and a server in place of Amazon's own. */
export interface Bucket {
  /** `s3://BUCKET` or `s3://BUCKET/PREFIX`. */
  url: string;
  /** Null: Amazon's own, of the region. */
  endpoint: string | null;
  region: string | null;
}

/** Larger files are sent in parts, and never held in memory. */
const largestWhole = 8 * 2 ** 20;
/**
 * What was written so shortly before is not written again, though it is wanted. What removes old ones leaves
 * alone what is twice as old.
 */
const freshMs = 12 * 60 * 60 * 1000;
/** Parts that were sent so long ago, and belong to no blob, belong to a process that died. */
const abandonedMs = 24 * 60 * 60 * 1000;
/** Nobody takes so long to remove one: who says so died. */
const removingMs = 2 * 60 * 1000;
/** How often a download is begun, as where it broke off. */
const mostTries = 4;

/**
 * Blobs as objects `PREFIX/ab/cd/abcd…` of a bucket, for any number of processes on any number of hosts. An object appears whole or not at
 * all. The SDK tries again what failed in passing, and reads credentials where all of AWS's tools do. Throws `StoreUnavailable` where the
 * bucket cannot be used, and says which variable names what.
 */
export function createS3Blobs({ url, endpoint, region }: Bucket): BlobStore {
  const { host: bucket, pathname } = new URL(url);
  const prefix = pathname.replace(/^\/|\/$/g, '').replace(/.$/, '$&/');
  const client = new S3Client({
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    ...(region === null && endpoint === null ? {} : { region: region ?? 'us-east-1' }),
    maxAttempts: mostTries,
    // Blobs are verified by their names; servers that are not Amazon's know few of its checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5_000,
      requestTimeout: 60_000,
      socketTimeout: 60_000,
      throwOnRequestTimeout: true,
    },
  });
  const keyOf = (artifact: Artifact): string =>
    `${prefix}${nameOf(artifact).slice(0, 2)}/${artifact.slice(2, 4)}/${artifact}`;
  const told = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw toldOf(error, { url, bucket, endpoint });
    });
  const place = (artifact: Artifact): string => `${url}, ${keyOf(artifact)}`;

  /** Undefined where there is no such object. */
  async function find(artifact: Artifact): Promise<{ bytes: number; putAt: number } | undefined> {
    try {
      const found = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: keyOf(artifact) }));
      return { bytes: found.ContentLength ?? 0, putAt: found.LastModified?.getTime() ?? 0 };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /**
   * Sends what is not there, or was put long ago, with `send`. What another process is removing at this moment
   * is sent once more. It says so beside the blob before it looks how old it is.
   */
  async function write(artifact: Artifact, bytes: number, send: () => Promise<unknown>): Promise<Artifact> {
    const found = await find(artifact);
    if (found?.bytes === bytes && Date.now() - found.putAt < freshMs) return artifact;
    for (;;) {
      await send();
      const { Contents = [] } = await client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: keyOf(artifact), MaxKeys: 2 }),
      );
      const isThere = Contents.some(({ Key }) => Key === keyOf(artifact));
      const mark = Contents.find(({ Key }) => Key === removing(keyOf(artifact)));
      if (isThere && (mark === undefined || Date.now() - Number(mark.LastModified ?? 0) > removingMs))
        return artifact;
      await sleep(50);
    }
  }

  const putBytes = (artifact: Artifact, bytes: Uint8Array): Promise<Artifact> =>
    write(artifact, bytes.length, () =>
      client.send(
        new PutObjectCommand({
          ...{ Bucket: bucket, Key: keyOf(artifact), Body: bytes, ContentLength: bytes.length },
          ChecksumSHA256: Buffer.from(artifact, 'hex').toString('base64'),
        }),
      ),
    );

  /** In parts, of which none is seen before all are there. What changed since it was read is not kept. */
  const putParts = (artifact: Artifact, path: string, bytes: number): Promise<Artifact> =>
    write(artifact, bytes, async () => {
      const Body = createReadStream(path).pipe(expecting(artifact, `${path} changed while it was read`));
      await new Upload({
        client,
        params: { Bucket: bucket, Key: keyOf(artifact), Body },
        queueSize: 2,
        partSize: Math.max(largestWhole, Math.ceil(bytes / 9_000)),
      }).done();
    });

  /** Gives the bytes of an object to `take`, anew where they broke off or were damaged on the way. */
  async function download<T>(artifact: Artifact, take: (bytes: Readable) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      let etag: string | undefined;
      try {
        const { Body, ETag } = await client.send(
          new GetObjectCommand({ Bucket: bucket, Key: keyOf(artifact) }),
        );
        etag = ETag;
        if (!(Body instanceof Readable)) throw new Error(`${place(artifact)}: expected a stream of bytes`);
        return await take(Body);
      } catch (error) {
        if (isMissing(error)) throw damaged(artifact, 'is missing', place(artifact));
        const isDamaged = error instanceof ArtifactDamaged;
        if (isDamaged ? tries >= 2 : tries === mostTries || !isPassing(error)) {
          // So that whoever has the bytes can put them again.
          if (isDamaged) await forget(artifact, etag);
          throw error;
        }
        await sleep(100 * 2 ** tries * (0.5 + Math.random()));
      }
    }
  }

  /** Removes the object of this tag, where the server can tell. */
  async function forget(artifact: Artifact, etag: string | undefined): Promise<void> {
    await client.send(
      new DeleteObjectCommand({
        ...{ Bucket: bucket, Key: keyOf(artifact) },
        ...(etag === undefined ? {} : { IfMatch: etag }),
      }),
    );
  }

  const get = (artifact: Artifact): Promise<Buffer> =>
    told(
      download(artifact, async (body) => {
        const bytes = await collect(body);
        const found = createHash('sha256').update(bytes).digest('hex');
        if (found !== artifact)
          throw damaged(artifact, `is damaged: its bytes have the hash ${found}`, place(artifact));
        return bytes;
      }),
    );

  return {
    async claim(storeId) {
      const key = `${prefix}store-id`;
      await told(
        (async () => {
          const found = await read(key);
          if (found === undefined)
            await client
              .send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: storeId, IfNoneMatch: '*' }))
              .catch((error: unknown) => {
                if (statusOf(error) !== 412 && statusOf(error) !== 409) throw error;
              });
          const owner = found ?? (await read(key));
          if (owner !== storeId)
            throw new StoreRefused(
              `CRUCIBLE_BLOBS: ${url} belongs to store ${owner}, the ledger to store ${storeId}: choose another bucket, or another prefix in it`,
            );
          await abortAbandoned();
        })(),
      );
    },

    put: (content) => {
      const bytes = typeof content === 'string' ? Buffer.from(content) : content;
      return told(putBytes(createHash('sha256').update(bytes).digest('hex'), bytes));
    },

    async putFile(path) {
      const { size } = await stat(path);
      if (size <= largestWhole) return this.put(await readFile(path));
      const artifact = await hashOf(path);
      if (artifact === undefined) throw new Error(`${path}: expected a file, found none`);
      return told(putParts(artifact, path, size));
    },

    get,

    async text(artifact) {
      return (await get(artifact)).toString('utf8');
    },

    async head(artifact, most) {
      const found = await told(find(artifact));
      if (found === undefined) throw damaged(artifact, 'is missing', place(artifact));
      const { bytes } = found;
      if (bytes === 0 || most === 0) return { start: Buffer.alloc(0), bytes };
      const Range = `bytes=0-${Math.min(most, bytes) - 1}`;
      const { Body } = await told(
        client.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(artifact), Range })),
      );
      return { start: Body instanceof Readable ? await told(collect(Body)) : Buffer.alloc(0), bytes };
    },

    has: async (artifact) => (await told(find(artifact))) !== undefined,

    async *list() {
      let from: string | undefined;
      do {
        const page = await told(
          client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: from })),
        );
        for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
          const artifact = Key.slice(Key.lastIndexOf('/') + 1);
          if (Artifact.safeParse(artifact).success)
            yield { artifact, bytes: Size, putAt: LastModified?.getTime() ?? 0 };
        }
        from = page.NextContinuationToken;
      } while (from !== undefined);
    },

    remove: (artifact, before) =>
      told(
        (async () => {
          const mark = { Bucket: bucket, Key: removing(keyOf(artifact)) };
          await client.send(new PutObjectCommand({ ...mark, Body: 'removing' }));
          try {
            const found = await find(artifact);
            const isOld = found !== undefined && found.putAt < before;
            if (isOld) await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: keyOf(artifact) }));
            return isOld;
          } finally {
            await client.send(new DeleteObjectCommand(mark));
          }
        })(),
      ),

    async place(artifact, path) {
      const temporary = `${path}.${randomUUID()}`;
      await keepingRoom(dirname(path), async () => {
        await mkdir(dirname(path), { recursive: true });
        try {
          await told(
            download(artifact, (body) =>
              pipeline(
                body,
                expecting(artifact, place(artifact)),
                createWriteStream(temporary, { mode: 0o444 }),
              ),
            ),
          );
          await rename(temporary, path);
        } finally {
          await rm(temporary, { force: true });
        }
      });
    },

    async close() {
      client.destroy();
    },
  };

  async function read(key: string): Promise<string | undefined> {
    try {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return await Body?.transformToString();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** Parts of which no blob came take room that nobody sees. */
  async function abortAbandoned(): Promise<void> {
    const { Uploads = [] } = await client.send(
      new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }),
    );
    for (const { Key, UploadId, Initiated } of Uploads)
      if (Date.now() - Number(Initiated ?? Date.now()) > abandonedMs)
        await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
  }
}

/** Stands beside a blob while somebody is removing it. */
const removing = (key: string): string => `${key}.removing`;

/** Passes bytes on, and ends in `ArtifactDamaged` where they are not those of the artifact. */
function expecting(artifact: Artifact, where: string): Transform {
  const hash = createHash('sha256');
  return new Transform({
    transform(chunk: Buffer, _, done) {
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const found = hash.digest('hex');
      done(
        found === artifact ? null : damaged(artifact, `is damaged: its bytes have the hash ${found}`, where),
      );
    },
  });
}

async function collect(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const damaged = (artifact: Artifact, what: string, where: string): ArtifactDamaged =>
  new ArtifactDamaged(`artifact ${artifact} ${what} (${where}); put it again, or redo the step that made it`);

/** The parts of a failed answer that tell what it is. */
function partsOf(error: unknown): { name: string; status: number | undefined; code: string; said: string } {
  if (!(error instanceof Error)) return { name: '', status: undefined, code: '', said: String(error) };
  const metadata: unknown = '$metadata' in error ? error.$metadata : undefined;
  const status =
    typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
      ? Number(metadata.httpStatusCode)
      : undefined;
  const inner = error instanceof AggregateError && error.errors[0] instanceof Error ? error.errors[0] : error;
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  return { name: error.name, status, code, said: inner.message || code || error.name };
}

const statusOf = (error: unknown): number | undefined => partsOf(error).status;

/**
 * Whether it is the object that is missing, not the bucket or the user. Where only a head was asked for,
 * nothing tells.
 */
const isMissing = (error: unknown): boolean => /^(NoSuchKey|NotFound)$/.test(partsOf(error).name);

const wayCodes = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/;

/** Whether the server, or the way to it, failed; it may not fail again. */
function isPassing(error: unknown): boolean {
  const { name, status, code, said } = partsOf(error);
  return (
    (status !== undefined && status >= 500) ||
    wayCodes.test(code) ||
    name === 'TimeoutError' ||
    /aborted|socket hang up|premature/i.test(said)
  );
}

/**
 * The error in words that say what was tried, and which variable to look at. It is itself where it is one of
 * ours.
 */
function toldOf(
  error: unknown,
  { url, bucket, endpoint }: { url: string; bucket: string; endpoint: string | null },
): unknown {
  const { name, status, said } = partsOf(error);
  const at = endpoint ?? "Amazon's own server";
  const unavailable = (what: string): StoreUnavailable =>
    new StoreUnavailable(`CRUCIBLE_BLOBS: ${url} at ${at}: ${what}`, { cause: error });
  if (name === 'NoSuchBucket')
    return unavailable(`there is no bucket ${bucket}: create it, or correct the variable`);
  if (
    /^(XMinioStorageFull|InsufficientStorage|QuotaExceeded|InsufficientCapacity)$/.test(name) ||
    status === 507
  )
    return new StorageFull(`${url}: the server has no room left (${said}); free some there`, {
      cause: error,
    });
  if (name === 'CredentialsProviderError')
    return unavailable(
      'no credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
    );
  if (/^Region is missing/.test(said)) return unavailable('no region is named: set AWS_REGION');
  if (status === 401 || status === 403 || /^(Invalid|Expired)\w*(Key|Token)|UserNotFound/.test(name))
    return unavailable(
      `the server refuses (${name}): correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or let them read, write, list and delete there`,
    );
  if (status === 301 || name === 'PermanentRedirect')
    return unavailable('the bucket is in another region: correct AWS_REGION');
  if (isPassing(error))
    return unavailable(
      status === undefined
        ? `the server cannot be reached (${said}, asked ${mostTries} times): correct AWS_ENDPOINT_URL_S3, or start it`
        : `the server fails (${status} ${name}, asked ${mostTries} times)`,
    );
  return error;
}
