import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../store/temporary-store.ts';
import { crucible } from '../support/command.ts';
import { onTerminal } from '../support/on-terminal.ts';

const script = "open('out/total.txt', 'w').write('6')\n";

it('a fix is written into the script once its user says yes on the terminal, and not before', async () => {
  const [home, folder] = [await temporaryFolder(), await temporaryFolder()];
  const path = join(folder, 'total.py');
  await writeFile(path, script);
  const asked = ['fix', 'total.py', '--output', 'out/total.txt', '--apply'];
  try {
    const kept = await onTerminal(asked, [['[y/N] ', 'n\r']], { home, folder });
    expect(kept).toMatchObject({ left: [], shown: expect.stringContaining('Nothing was written.') });
    expect(await readFile(path, 'utf8')).toBe(script);

    const written = await onTerminal(asked, [['Write this into total.py? [y/N] ', 'y\r']], { home, folder });
    expect(written).toMatchObject({ left: [], status: 0 });
    expect(await readFile(path, 'utf8')).toContain(
      "os.makedirs(os.path.dirname('out/total.txt') or '.', exist_ok=True)",
    );
    expect(await readFile(path, 'utf8')).toContain(script);
  } finally {
    await crucible(['down'], { home });
  }
});
