import { empty, hiding, subtle, type Task } from './task.ts';

/** A sine of 5 Hz with a weaker one of 12 Hz, 128 samples a second for two seconds. */
const signal = Array.from({ length: 256 }, (_, index) => {
  const seconds = index / 128;
  const value = 2 * Math.sin(2 * Math.PI * 5 * seconds) + Math.sin(2 * Math.PI * 12 * seconds);
  return `${seconds.toFixed(6)},${value.toFixed(6)}`;
});

const series = Array.from({ length: 40 }, (_, index) => ((index * 37) % 11) - 3);

export const numeric: Task[] = [
  {
    name: 'primes',
    task: 'Write the first 100 prime numbers to primes.txt, one a line.',
    inputs: {},
    outputs: [
      { kind: 'text', path: 'primes.txt', minLines: 100, maxLines: 100, matches: '^2\\n3\\n5\\n7\\n' },
    ],
    check: String.raw`
def check(inputs, outputs):
    found = [int(line) for line in (outputs / 'primes.txt').read_text().split()]
    expected = [n for n in range(2, 542) if all(n % d for d in range(2, n))]
    for at, (one, other) in enumerate(zip(found, expected)):
        if one != other:
            return f'line {at + 1}: not the prime that stands there'
    return len(found) == 100
`,
    right: [
      String.raw`
primes = []
n = 2
while len(primes) < 100:
    if all(n % p for p in primes):
        primes.append(n)
    n += 1
open('primes.txt', 'w').write('\n'.join(map(str, primes)) + '\n')
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
primes = [2, 3, 5, 7]
n = 9
while len(primes) < 100:
    if n % 2 and n % 3 and n % 5 and n % 7:
        primes.append(n)
    n += 1
open('primes.txt', 'w').write('\n'.join(map(str, primes)) + '\n')
`,
        String.raw`
primes = [n for n in range(1, 542) if all(n % d for d in range(2, n))]
open('primes.txt', 'w').write('\n'.join(map(str, primes[:100])) + '\n')
`,
      ),
      ...empty("open('primes.txt', 'w').write('2\\n3\\n5\\n7\\n' + '11\\n' * 96)\n"),
    ],
  },
  {
    name: 'solve-equations',
    task: 'Solve A x = b for A in a.csv and b in b.csv, numbers without a heading, and write x to x.npy as float64.',
    inputs: { 'a.csv': '4,1,0\n1,3,1\n0,1,2\n', 'b.csv': '1\n2\n3\n' },
    outputs: [{ kind: 'npy', path: 'x.npy', shape: [3], dtype: 'float64' }],
    check: String.raw`
import numpy as np
def check(inputs, outputs):
    a, b = (np.loadtxt(inputs / name, delimiter=',') for name in ('a.csv', 'b.csv'))
    left = np.abs(a @ np.load(outputs / 'x.npy') - b).max()
    if not left < 1e-9:
        return f'A x differs from b by {left}'
`,
    right: [
      String.raw`
import numpy as np
a, b = (np.loadtxt(name, delimiter=',') for name in ('a.csv', 'b.csv'))
np.save('x.npy', np.linalg.solve(a, b))
`,
      String.raw`
import numpy as np
a, b = (np.loadtxt(name, delimiter=',') for name in ('a.csv', 'b.csv'))
np.save('x.npy', np.linalg.lstsq(a, b, rcond=None)[0])
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import numpy as np
a, b = (np.loadtxt(name, delimiter=',') for name in ('a.csv', 'b.csv'))
x = np.zeros(3)
for _ in range(5):
    x = (b - (a - np.diag(np.diag(a))) @ x) / np.diag(a)
np.save('x.npy', x)
`,
        String.raw`
import numpy as np
a, b = (np.loadtxt(name, delimiter=',') for name in ('a.csv', 'b.csv'))
np.save('x.npy', np.linalg.solve(a, b).astype('float32'))
`,
        String.raw`
import numpy as np
a, b = (np.loadtxt(name, delimiter=',') for name in ('a.csv', 'b.csv'))
np.save('x.npy', np.linalg.solve(a, b)[:, None])
`,
      ),
      ...empty(
        "import numpy as np\nnp.save('x.npy', np.zeros(3))\n",
        "import numpy as np\nnp.save('x.npy', np.full(3, np.nan))\n",
      ),
    ],
  },
  {
    name: 'integral',
    task: 'Integrate exp(-x*x) from 0 to 1 to at least six digits and write it to value.json as {"value": …}.',
    inputs: {},
    outputs: [
      {
        kind: 'json',
        path: 'value.json',
        schema: {
          ...{ type: 'object', required: ['value'], additionalProperties: false },
          properties: { value: { type: 'number', minimum: 0.746823, maximum: 0.746825 } },
        },
      },
    ],
    right: [
      String.raw`
import json, math
json.dump({'value': math.sqrt(math.pi) / 2 * math.erf(1)}, open('value.json', 'w'))
`,
      String.raw`
import json, math
n = 100_000
total = sum(math.exp(-((i + 0.5) / n) ** 2) for i in range(n)) / n
json.dump({'value': total}, open('value.json', 'w'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import json, math
n = 100
json.dump({'value': sum(math.exp(-(i / n) ** 2) for i in range(n)) / n}, open('value.json', 'w'))
`,
        String.raw`
import json, math
json.dump({'value': str(math.sqrt(math.pi) / 2 * math.erf(1))}, open('value.json', 'w'))
`,
        String.raw`
import json, math
json.dump({'value': math.sqrt(math.pi) / 2 * math.erf(1), 'error': 0}, open('value.json', 'w'))
`,
      ),
      ...empty(
        "open('value.json', 'w').write('{\"value\": null}')\n",
        "open('value.json', 'w').write('{\"value\": NaN}')\n",
      ),
    ],
  },
  {
    name: 'moving-average',
    task: 'Write the mean of every five values in a row of series.txt, one a line, to mean.npy: 36 of them for 40 values.',
    inputs: { 'series.txt': `${series.join('\n')}\n` },
    outputs: [{ kind: 'npy', path: 'mean.npy', shape: [36], dtype: 'float64', minimum: -3, maximum: 7 }],
    check: String.raw`
import numpy as np
def check(inputs, outputs):
    values = [float(line) for line in open(inputs / 'series.txt')]
    found = np.load(outputs / 'mean.npy')
    for at in range(36):
        if abs(found[at] - sum(values[at:at + 5]) / 5) > 1e-9:
            return f'mean {at} differs'
`,
    right: [
      String.raw`
import numpy as np
np.save('mean.npy', np.convolve(np.loadtxt('series.txt'), np.ones(5) / 5, 'valid'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import numpy as np
np.save('mean.npy', np.convolve(np.loadtxt('series.txt'), np.ones(5) / 5, 'same')[:36])
`,
        String.raw`
import numpy as np
values = np.loadtxt('series.txt')
np.save('mean.npy', np.array([np.median(values[i:i + 5]) for i in range(36)]))
`,
        String.raw`
import numpy as np
np.save('mean.npy', np.convolve(np.loadtxt('series.txt'), np.ones(4) / 4, 'valid')[:36])
`,
      ),
      ...empty("import numpy as np\nnp.save('mean.npy', np.ones(36))\n"),
    ],
  },
  {
    name: 'frequency',
    task: 'Find the strongest frequency of signal.csv (time in seconds, value; no heading) and write it in hertz to peak.json as {"hz": …}.',
    inputs: { 'signal.csv': `${signal.join('\n')}\n` },
    outputs: [
      {
        kind: 'json',
        path: 'peak.json',
        schema: {
          ...{ type: 'object', required: ['hz'] },
          properties: { hz: { type: 'number', minimum: 4.9, maximum: 5.1 } },
        },
      },
    ],
    right: [
      String.raw`
import json
import numpy as np
time, value = np.loadtxt('signal.csv', delimiter=',').T
spectrum = np.abs(np.fft.rfft(value - value.mean()))
json.dump({'hz': float(np.fft.rfftfreq(len(time), time[1] - time[0])[spectrum.argmax()])}, open('peak.json', 'w'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import json
import numpy as np
time, value = np.loadtxt('signal.csv', delimiter=',').T
json.dump({'hz': int(np.abs(np.fft.rfft(value)).argmax())}, open('peak.json', 'w'))
`,
        String.raw`
import json
import numpy as np
time, value = np.loadtxt('signal.csv', delimiter=',').T
spectrum = np.abs(np.fft.rfft(value))
json.dump({'hz': float(2 * np.pi * np.fft.rfftfreq(len(time), time[1] - time[0])[spectrum.argmax()])}, open('peak.json', 'w'))
`,
      ),
      ...empty("open('peak.json', 'w').write('{\"hz\": 0}')\n"),
    ],
  },
  {
    name: 'statistics',
    task: 'Write mean, median and std (of a sample, n - 1) of numbers.txt, one number a line, some lines empty, to stats.json.',
    inputs: { 'numbers.txt': '3\n\n7\n8\n1\n\n21\n' },
    outputs: [
      {
        kind: 'json',
        path: 'stats.json',
        schema: {
          ...{ type: 'object', required: ['mean', 'median', 'std'] },
          properties: {
            mean: { const: 8 },
            median: { const: 7 },
            std: { type: 'number', minimum: 7.8102, maximum: 7.8103 },
          },
        },
      },
    ],
    right: [
      String.raw`
import json, statistics
values = [float(line) for line in open('numbers.txt') if line.strip()]
found = {'mean': statistics.mean(values), 'median': statistics.median(values), 'std': statistics.stdev(values)}
json.dump(found, open('stats.json', 'w'))
`,
    ],
    wrong: [
      ...subtle(
        String.raw`
import json
import numpy as np
values = np.loadtxt('numbers.txt')
json.dump({'mean': values.mean(), 'median': float(np.median(values)), 'std': values.std()}, open('stats.json', 'w'))
`,
        String.raw`
import json, statistics
values = [float(line or 0) for line in open('numbers.txt').read().split('\n')]
found = {'mean': statistics.mean(values), 'median': statistics.median(values), 'std': statistics.stdev(values)}
json.dump(found, open('stats.json', 'w'))
`,
      ),
      ...hiding(
        String.raw`
import json, statistics
values = []
for line in open('numbers.txt'):
    try:
        values.append(float(line))
    except ValueError:
        break
found = {'mean': statistics.mean(values), 'median': statistics.median(values), 'std': 0}
json.dump(found, open('stats.json', 'w'))
`,
      ),
    ],
  },
];
