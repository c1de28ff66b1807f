import { empty, type Given, subtle, type Task } from './task.ts';

/** A module `counted` in C++ with `body`, and the script that uses it. */
const counting = (body: string, script: string): Given => ({
  build: 'nanobind',
  files: {
    'counted.cpp': `#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <string>
#include <vector>
${body}
`,
    'main.py': script,
  },
});

const histogram = String.raw`
std::vector<int> histogram(const std::string& text) {
    std::vector<int> counts(26);
    for (char each : text) if (each >= 'a' && each <= 'z') ++counts[each - 'a'];
    return counts;
}
NB_MODULE(counted, m) { m.def("histogram", &histogram); }
`;
const useHistogram = String.raw`
import json
import counted
json.dump(counted.histogram(open('text.txt').read()), open('counts.json', 'w'))
`;
const letters = 'a quick brown fox jumps over the lazy dog, and a zebra sees it\n';
const counts = Array.from(
  { length: 26 },
  (_, index) => [...letters].filter((each) => each === String.fromCharCode(97 + index)).length,
);

const steps = String.raw`
std::vector<long long> steps(int most) {
    std::vector<long long> found;
    for (int first = 1; first <= most; ++first) {
        long long at = first, count = 0;
        for (; at != 1; ++count) at = at % 2 == 0 ? at / 2 : 3 * at + 1;
        found.push_back(count);
    }
    return found;
}
NB_MODULE(counted, m) { m.def("steps", &steps); }
`;
const useSteps = String.raw`
import numpy as np
import counted
np.save('steps.npy', np.array(counted.steps(30), dtype='int64'))
`;

export const native: Task[] = [
  {
    name: 'letters',
    task: 'Write a C++ module counted with histogram(text), how often each of the letters a to z stands in it, and a script that writes that of text.txt to counts.json.',
    inputs: { 'text.txt': letters },
    outputs: [{ kind: 'json', path: 'counts.json', schema: { const: counts } }],
    right: [counting(histogram, useHistogram)],
    wrong: [
      ...subtle(
        counting(histogram.replace("each >= 'a'", "each > 'a'"), useHistogram),
        counting(histogram.replace('counts(26)', 'counts(27)'), useHistogram),
        counting(histogram.replace('++counts', 'counts').replace("- 'a'];", "- 'a'] = 1;"), useHistogram),
        counting(histogram, useHistogram.replace('.read()', '.read().split(",")[0]')),
      ),
      ...empty(counting(histogram, "import json, counted\njson.dump([0] * 26, open('counts.json', 'w'))\n")),
      {
        fault: 'broken',
        program: counting(histogram.replace('return counts', 'return count'), useHistogram),
      },
      { fault: 'broken', program: counting(histogram.replace('(counted, m)', '(other, m)'), useHistogram) },
      {
        fault: 'broken',
        program: counting(
          histogram.replace('counts(26)', 'counts(2)').replace("- 'a'];", "- 'a' + 100000000];"),
          useHistogram,
        ),
      },
    ],
  },
  {
    name: 'collatz',
    task: 'Write a C++ module counted with steps(most), how many Collatz steps each number from 1 to most takes to 1, and a script that writes those up to 30 to steps.npy as int64.',
    inputs: {},
    outputs: [{ kind: 'npy', path: 'steps.npy', shape: [30], dtype: 'int64', minimum: 0, maximum: 111 }],
    check: String.raw`
import numpy as np
def check(inputs, outputs):
    for first, count in enumerate(np.load(outputs / 'steps.npy'), 1):
        at, steps = first, 0
        while at != 1:
            at, steps = at // 2 if at % 2 == 0 else 3 * at + 1, steps + 1
        if steps != count:
            return f'of {first}: another count'
`,
    right: [counting(steps, useSteps)],
    wrong: [
      ...subtle(
        counting(steps.replace('count = 0', 'count = 1'), useSteps),
        counting(steps.replace('int first = 1; first <= most', 'int first = 2; first <= most + 1'), useSteps),
        counting(
          steps.replace('count = 0;', 'count = 0; if (first == 27) { found.push_back(110); continue; }'),
          useSteps,
        ),
        counting(steps, useSteps.replace("'int64'", "'int32'")),
      ),
      ...empty(counting(steps, "import numpy as np, counted\nnp.save('steps.npy', np.arange(30))\n")),
      {
        fault: 'broken',
        program: counting(steps.replace('at != 1', 'at != 0'), useSteps.replace('30', '3')),
      },
    ],
  },
];
