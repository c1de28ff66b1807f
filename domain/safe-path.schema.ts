import { z } from 'zod';

/** Of a name in a folder, as file systems have it. */
const longestNameBytes = 255;
const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** A path inside the job's folder: relative, no `..`, no control characters, no name longer than a file system takes. */
export const SafePath = z
  .string()
  .min(1)
  .max(400)
  .refine(
    (path) =>
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
      !/[\u0000-\u001f\u007f-\u009f\\]/.test(path) &&
      path.isWellFormed() &&
      !path.startsWith('/') &&
      !path.startsWith('-') &&
      path.split('/').every((part) => part !== '..' && part !== '' && bytesOf(part) <= longestNameBytes),
    'expected a path inside the workspace: relative, without `..`, backslashes, control characters or names of more than 255 bytes',
  );
