import { Tree } from '../../domain/artifact.schema.ts';
import type { Exam } from '../../domain/judging.ts';
import type { Program } from '../../domain/program.schema.ts';
import type { BlobStore } from '../../store/blobs.ts';
import { readTree } from '../../store/documents.ts';

/** Returns the files a script starts with in its working directory: those of its exam, then its own. */
export const workspaceOf = async (
  blobs: BlobStore,
  { files }: Pick<Exam, 'files'>,
  program: Program,
): Promise<Tree> => Tree.parse({ ...(await readTree(blobs, files)), ...program.files });
