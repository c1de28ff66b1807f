import { empty, hiding, subtle, type Task } from './task.ts';

const server = `2024-05-01T10:00:00 INFO started
2024-05-01T10:00:02 ERROR disk /dev/sda: not found
2024-05-01T10:00:03 WARN slow: ERROR rate rises
2024-05-01T10:00:07 ERROR timeout, after 5 s
Traceback (most recent call last):
  ERROR inside
2024-05-01T10:00:09 INFO ended
`;

const access = `10.0.0.1 GET /a 200
10.0.0.2 GET /b 404
10.0.0.1 GET /a 200
10.0.0.3 POST /a 500
10.0.0.1 GET /c 200
10.0.0.2 GET /a 200
10.0.0.4 GET /a 200
`;

const jobs = `08:59:58 start x
09:00:05 start y
09:00:10 stop x
09:01:00 start z
09:01:30 stop y
10:00:00 start x
10:00:01 stop x
`;

export const logs: Task[] = [
  {
    name: 'errors',
    task: 'Write the lines of server.log whose level is ERROR to errors.csv with the columns time and message.',
    inputs: { 'server.log': server },
    outputs: [
      {
        kind: 'csv',
        path: 'errors.csv',
        columns: ['time', 'message'],
        onlyColumns: true,
        rows: 2,
        types: { time: 'datetime' },
      },
    ],
    check: String.raw`
import csv
def check(inputs, outputs):
    rows = [tuple(row.values()) for row in csv.DictReader(open(outputs / 'errors.csv'))]
    wanted = [('2024-05-01T10:00:02', 'disk /dev/sda: not found'), ('2024-05-01T10:00:07', 'timeout, after 5 s')]
    if [(time.replace(' ', 'T'), message) for time, message in rows] != wanted:
        return 'expected other times or messages'
`,
    right: [
      String.raw`
import csv
with open('errors.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['time', 'message'])
    for line in open('server.log'):
        time, level, message = (line.rstrip('\n').split(' ', 2) + ['', ''])[:3]
        if level == 'ERROR' and time[:1].isdigit():
            writer.writerow([time, message])
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import csv
with open('errors.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['time', 'message'])
    for line in open('server.log'):
        if 'ERROR' in line and line[0].isdigit():
            writer.writerow([line[:19], line[26:].strip()])
`,
        String.raw`
with open('errors.csv', 'w') as out:
    out.write('time,message\n')
    for line in open('server.log'):
        time, level, message = (line.rstrip('\n').split(' ', 2) + ['', ''])[:3]
        if level == 'ERROR' and time:
            out.write(f'{time},{message}\n')
`,
        String.raw`
import csv
with open('errors.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['time', 'message'])
    for line in open('server.log'):
        words = line.split()
        if words[1:2] == ['ERROR'] and line[0].isdigit():
            writer.writerow([words[0], words[2]])
`,
      ),
      ...hiding(
        String.raw`
import csv
with open('errors.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['time', 'message'])
    try:
        for line in open('server.log'):
            time, level, message = line.rstrip('\n').split(' ', 2)
            if level == 'ERROR':
                writer.writerow([time, message.split(',')[1]])
    except Exception:
        pass
`,
      ),
    ],
  },
  {
    name: 'visitors',
    task: 'Write the three addresses with most requests in access.log, the most first, by address where they are equal, to top.json: a list of [address, requests].',
    inputs: { 'access.log': access },
    outputs: [
      {
        kind: 'json',
        path: 'top.json',
        schema: {
          const: [
            ['10.0.0.1', 3],
            ['10.0.0.2', 2],
            ['10.0.0.3', 1],
          ],
        },
      },
    ],
    right: [
      String.raw`
import collections, json
count = collections.Counter(line.split()[0] for line in open('access.log'))
json.dump(sorted(count.items(), key=lambda each: (-each[1], each[0]))[:3], open('top.json', 'w'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import collections, json
count = collections.Counter(line.split()[0] for line in open('access.log'))
json.dump(sorted(count.items(), key=lambda each: each[1])[:3], open('top.json', 'w'))
`,
        String.raw`
import collections, json
count = collections.Counter(line.split()[0] for line in open('access.log') if line.endswith('200\n'))
json.dump(sorted(count.items(), key=lambda each: (-each[1], each[0]))[:3], open('top.json', 'w'))
`,
        String.raw`
import collections, json
count = collections.Counter(line.split()[0] for line in open('access.log'))
json.dump(sorted(count.items(), key=lambda each: (-each[1], each[0])), open('top.json', 'w'))
`,
        String.raw`
import collections, json
count = collections.Counter(line.split()[0] for line in open('access.log'))
json.dump(dict(count.most_common(3)), open('top.json', 'w'))
`,
      ),
      ...empty("open('top.json', 'w').write('[]')\n"),
    ],
  },
  {
    name: 'durations',
    task: 'Write how many seconds each name of jobs.log ran in all to seconds.json; a name that never stopped is left out.',
    inputs: { 'jobs.log': jobs },
    outputs: [{ kind: 'json', path: 'seconds.json', schema: { const: { x: 13, y: 85 } } }],
    right: [
      String.raw`
import collections, json
began, seconds = {}, collections.Counter()
for line in open('jobs.log'):
    time, what, name = line.split()
    hours, minutes, rest = map(int, time.split(':'))
    at = hours * 3600 + minutes * 60 + rest
    if what == 'start':
        began[name] = at
    else:
        seconds[name] += at - began.pop(name)
json.dump(seconds, open('seconds.json', 'w'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import json
began, seconds = {}, {}
for line in open('jobs.log'):
    time, what, name = line.split()
    hours, minutes, rest = map(int, time.split(':'))
    at = hours * 3600 + minutes * 60 + rest
    if what == 'start':
        began[name] = at
    else:
        seconds[name] = at - began[name]
json.dump(seconds, open('seconds.json', 'w'))
`,
        String.raw`
import collections, json
began, seconds = {}, collections.Counter()
for line in open('jobs.log'):
    time, what, name = line.split()
    hours, minutes, rest = map(int, time.split(':'))
    at = hours * 3600 + minutes * 60 + rest
    seconds[name] += at - began.get(name, at) if what == 'stop' else 0
    began.setdefault(name, at)
json.dump(seconds, open('seconds.json', 'w'))
`,
        String.raw`
import collections, json
began, seconds = {}, collections.Counter()
for line in open('jobs.log'):
    time, what, name = line.split()
    minutes, rest = map(int, time.split(':')[1:])
    at = minutes * 60 + rest
    if what == 'start':
        began[name] = at
    else:
        seconds[name] += abs(at - began.pop(name))
json.dump(seconds, open('seconds.json', 'w'))
`,
      ),
    ],
  },
];
