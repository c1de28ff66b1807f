import { empty, hiding, hostile, subtle, type Task } from './task.ts';

const folder = {
  'in/a.txt': 'alpha\nbeta\n',
  'in/b.txt': 'gamma',
  'in/sub/c.txt': 'delta\n\nepsilon\n',
  'in/sub/d.log': 'not a text file\n',
};

export const files: Task[] = [
  {
    name: 'checksums',
    task: 'Write the SHA-256 of every .txt file below in/ to sums.json: its path from in/ with its checksum in hex.',
    inputs: folder,
    outputs: [
      {
        kind: 'json',
        path: 'sums.json',
        schema: {
          type: 'object',
          minProperties: 3,
          additionalProperties: { type: 'string', pattern: '^[0-9a-f]{64}$' },
        },
      },
    ],
    check: String.raw`
import hashlib, json
def check(inputs, outputs):
    root = inputs / 'in'
    wanted = {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob('*.txt')}
    found = json.loads((outputs / 'sums.json').read_text())
    for path, checksum in wanted.items():
        if found.get(path) != checksum:
            return f'{path}: missing, or another checksum'
    return len(found) == len(wanted)
`,
    right: [
      String.raw`
import hashlib, json, pathlib
root = pathlib.Path('in')
sums = {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.rglob('*.txt'))}
json.dump(sums, open('sums.json', 'w'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import hashlib, json, pathlib
root = pathlib.Path('in')
sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.rglob('*.txt'))}
json.dump(sums, open('sums.json', 'w'))
`,
        String.raw`
import hashlib, json, pathlib
root = pathlib.Path('in')
sums = {str(path.relative_to(root)): hashlib.sha256(path.read_text().strip().encode()).hexdigest() for path in root.rglob('*.txt')}
json.dump(sums, open('sums.json', 'w'))
`,
        String.raw`
import hashlib, json, pathlib
root = pathlib.Path('in')
sums = {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in root.rglob('*') if path.is_file()}
json.dump(sums, open('sums.json', 'w'))
`,
      ),
      ...empty(
        "import json\njson.dump({name: '0' * 64 for name in ('a.txt', 'b.txt', 'sub/c.txt')}, open('sums.json', 'w'))\n",
      ),
    ],
  },
  {
    name: 'split',
    task: 'Split lines.txt into files of ten lines, parts/001.txt and so on; the last has what is left.',
    inputs: { 'lines.txt': `${Array.from({ length: 27 }, (_, index) => `line ${index + 1}`).join('\n')}\n` },
    outputs: [
      { kind: 'text', path: 'parts/001.txt', minLines: 10, maxLines: 10 },
      { kind: 'text', path: 'parts/002.txt', minLines: 10, maxLines: 10 },
      { kind: 'text', path: 'parts/003.txt', minLines: 7, maxLines: 7 },
    ],
    check: String.raw`
def check(inputs, outputs):
    whole = ''.join((outputs / f'parts/00{n}.txt').read_text() for n in (1, 2, 3))
    return whole == (inputs / 'lines.txt').read_text()
`,
    right: [
      String.raw`
import os
lines = open('lines.txt').readlines()
os.makedirs('parts', exist_ok=True)
for at in range(0, len(lines), 10):
    open(f'parts/{at // 10 + 1:03}.txt', 'w').writelines(lines[at:at + 10])
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import os
lines = open('lines.txt').readlines()
os.makedirs('parts', exist_ok=True)
for at in range(0, len(lines), 9):
    open(f'parts/{at // 9 + 1:03}.txt', 'w').writelines(lines[at:at + 9])
`,
        String.raw`
import os
lines = sorted(open('lines.txt').readlines())
os.makedirs('parts', exist_ok=True)
for at in range(0, len(lines), 10):
    open(f'parts/{at // 10 + 1:03}.txt', 'w').writelines(lines[at:at + 10])
`,
        String.raw`
import os
lines = open('lines.txt').readlines()
os.makedirs('parts', exist_ok=True)
for at in range(0, len(lines), 10):
    open(f'parts/{at // 10:03}.txt', 'w').writelines(lines[at:at + 10])
`,
      ),
      ...empty(
        String.raw`
import os
os.makedirs('parts', exist_ok=True)
for n, count in ((1, 10), (2, 10), (3, 7)):
    open(f'parts/{n:03}.txt', 'w').write('line\n' * count)
`,
      ),
    ],
  },
  {
    name: 'line-index',
    task: 'Write how many lines that are not empty each .txt file below in/ has to index.csv, with the columns path and lines, sorted by path.',
    inputs: folder,
    outputs: [
      {
        kind: 'csv',
        path: 'index.csv',
        columns: ['path', 'lines'],
        onlyColumns: true,
        rows: 3,
        types: { lines: 'integer' },
      },
    ],
    check: String.raw`
import csv
def check(inputs, outputs):
    found = [(row['path'], int(row['lines'])) for row in csv.DictReader(open(outputs / 'index.csv'))]
    paths = [path.removeprefix('./').removeprefix('in/') for path, _ in found]
    return (paths, [lines for _, lines in found]) == (['a.txt', 'b.txt', 'sub/c.txt'], [2, 1, 2])
`,
    right: [
      String.raw`
import csv, pathlib
with open('index.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['path', 'lines'])
    for path in sorted(pathlib.Path('in').rglob('*.txt')):
        writer.writerow([path, sum(1 for line in path.open() if line.strip())])
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import csv, pathlib
with open('index.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['path', 'lines'])
    for path in sorted(pathlib.Path('in').rglob('*.txt')):
        writer.writerow([path, path.read_text().count('\n')])
`,
        String.raw`
import csv, pathlib
with open('index.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['path', 'lines'])
    for path in sorted(pathlib.Path('in').glob('*')):
        if path.is_file():
            writer.writerow([path, sum(1 for line in path.open() if line.strip())])
`,
        String.raw`
import csv, pathlib
with open('index.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['path', 'lines'])
    for path in sorted(pathlib.Path('in').rglob('*.txt'), reverse=True):
        writer.writerow([path, sum(1 for line in path.open() if line.strip())])
`,
      ),
      ...hiding(
        String.raw`
import csv, pathlib
with open('index.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['path', 'lines'])
    for path in sorted(pathlib.Path('in').rglob('*.txt')):
        try:
            writer.writerow([path, len(path.reed_text().split('\n'))])
        except Exception:
            writer.writerow([path, 0])
`,
      ),
    ],
  },
  {
    name: 'archive',
    task: 'Pack all files below in/ into pack.zip, with their paths from in/ on.',
    inputs: folder,
    outputs: ['pack.zip'],
    check: String.raw`
import zipfile
def check(inputs, outputs):
    root = inputs / 'in'
    wanted = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob('*') if path.is_file()}
    with zipfile.ZipFile(outputs / 'pack.zip') as pack:
        found = {name: pack.read(name) for name in pack.namelist() if not name.endswith('/')}
    if found != wanted:
        return f'expected {sorted(wanted)} with their bytes, found {sorted(found)}'[:300]
`,
    right: [
      String.raw`
import shutil
shutil.make_archive('pack', 'zip', 'in')
`,
      String.raw`
import pathlib, zipfile
with zipfile.ZipFile('pack.zip', 'w') as pack:
    for path in pathlib.Path('in').rglob('*'):
        if path.is_file():
            pack.write(path, path.relative_to('in'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import pathlib, zipfile
with zipfile.ZipFile('pack.zip', 'w') as pack:
    for path in pathlib.Path('in').rglob('*'):
        pack.write(path, path.name)
`,
        String.raw`
import pathlib, zipfile
with zipfile.ZipFile('pack.zip', 'w') as pack:
    for path in pathlib.Path('in').glob('*.txt'):
        pack.write(path, path.relative_to('in'))
`,
        String.raw`
import shutil
shutil.make_archive('pack', 'tar', 'in')
shutil.move('pack.tar', 'pack.zip')
`,
      ),
      ...empty("import zipfile\nzipfile.ZipFile('pack.zip', 'w').close()\n"),
      ...hostile(
        String.raw`
import zipfile
with zipfile.ZipFile('pack.zip', 'w', zipfile.ZIP_DEFLATED) as pack:
    pack.writestr('a.txt', b'\0' * 3_000_000_000)
`,
      ),
    ],
  },
];
