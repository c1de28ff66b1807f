import { execFileSync } from 'node:child_process';

/** A package for tests: what it needs, and its files by path. */
export interface TestWheel {
  name: string;
  version: string;
  requires?: string[];
  files: Record<string, string>;
}

const writing = `
import json, sys, zipfile
folder, wheel = sys.argv[1], json.loads(sys.argv[2])
name, version = wheel['name'].replace('-', '_'), wheel['version']
info = f'{name}-{version}.dist-info'
requires = ''.join(f'Requires-Dist: {each}\\n' for each in wheel.get('requires', []))
files = {
    **wheel['files'],
    f'{info}/METADATA': f'Metadata-Version: 2.1\\nName: {wheel["name"]}\\nVersion: {version}\\n{requires}',
    f'{info}/WHEEL': 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n',
}
files[f'{info}/RECORD'] = ''.join(f'{path},,\\n' for path in [*files, f'{info}/RECORD'])
with zipfile.ZipFile(f'{folder}/{name}-{version}-py3-none-any.whl', 'w') as archive:
    for path, text in files.items():
        archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), text)
`;

/** Writes a wheel into `folder`, where pip finds it by PIP_FIND_LINKS: tests need no index. */
export function writeWheel(folder: string, wheel: TestWheel): void {
  execFileSync('python3', ['-c', writing, folder, JSON.stringify(wheel)]);
}
