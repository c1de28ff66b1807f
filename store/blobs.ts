import type { Artifact } from '../domain/artifact.schema.ts';

/**
 * Files by the SHA-256 of their bytes: one appears under its name whole or not at all, and reading verifies.
 * Throws `ArtifactDamaged` where bytes are missing or do not match, `StorageFull` where there is no room.
 */
export interface BlobStore {
  put(bytes: Uint8Array | string): Promise<Artifact>;
  /** Stores the file at `path` without holding it in memory. */
  putFile(path: string): Promise<Artifact>;
  get(artifact: Artifact): Promise<Buffer>;
  text(artifact: Artifact): Promise<string>;
  /** The first bytes of an artifact, at most `most`, and how many it has. They are not verified: show them, decide nothing by them. */
  head(artifact: Artifact, most: number): Promise<{ start: Buffer; bytes: number }>;
  has(artifact: Artifact): Promise<boolean>;
  /** Every artifact there is, with its bytes and when it was last put, milliseconds since 1970. */
  list(): AsyncIterable<{ artifact: Artifact; bytes: number; putAt: number }>;
  /** Removes an artifact, unless it was put since `before`. Returns whether it did. */
  remove(artifact: Artifact, before: number): Promise<boolean>;
  /** Places a verified read-only copy (a hard link where it can) at `path`. */
  place(artifact: Artifact, path: string): Promise<void>;
  /**
   * Notes that the blobs are those of a store, and removes what processes that died have left half-written. Throws `StoreRefused` where they
   * are another's: collecting its garbage would remove them.
   */
  claim(storeId: string): Promise<void>;
  close(): Promise<void>;
}
