"""Times the module at the size that it was measured at, beside the reference where there is one: `python bench_NAME.py`."""

import json
import time

import crucible_extension as harness

RUNS = 7


def seconds(function, arguments):
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        function(*arguments)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[RUNS // 2]


functions = harness.SPECIFICATION['functions']
for index, function in enumerate(functions):
    case = harness.make_case(index + 1, (harness.SPECIFICATION['cases'] - 1) * len(functions) + index)
    harness.call(*case)
    row = {'function': function['name'], 'ms': round(seconds(harness.call, case) * 1e3, 4)}
    if harness.SPECIFICATION['reference'] is not None:
        row['reference_ms'] = round(seconds(harness.expected, case) * 1e3, 4)
        row['times'] = round(row['reference_ms'] / row['ms'], 1)
    print(json.dumps(row))
