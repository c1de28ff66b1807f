import { chmod, readFile, writeFile } from 'node:fs/promises';

/** Changes one bit of a stored blob, as a failing disk would. */
export async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  await chmod(path, 0o644);
  await writeFile(path, bytes);
}
