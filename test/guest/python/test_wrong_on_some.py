"""Programs that are wrong on some inputs only, as those who write quickly make them: cases that Crucible makes itself find each of them."""

from __future__ import annotations

import json
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any

import numpy as np
from conductor import GUEST

sys.path.insert(0, str(GUEST.parents[1] / 'cases'))
from draft import draft

from cases import decode_case
from comparing import Comparison, Tolerance
from frames import decode, encode
from prepare import UserFunction, _edges_beside, prepare
from user_code import load_function

DATA = 'import random, numpy as np\nrandom.seed(3)\nfloats = [random.uniform(-5, 9) for _ in range(200)]\nwhole = [random.randrange(-50, 900) for _ in range(200)]\n'

# What goes wrong: the right function, the wrong one, and a call that its user made.
PROGRAMS: dict[str, tuple[str, str, str]] = {
    'the last of equal largest ones': (
        'best = 0\nfor i in range(len(x)):\n    if x[i] > x[best]:\n        best = i\nreturn best',
        'return int(len(x) - 1 - np.argmax(np.array(x)[::-1]))',
        'f(floats)',
    ),
    'the commonest in another order': (
        'from collections import Counter\nreturn Counter(x).most_common(3)',
        'keys, counts = np.unique(x, return_counts=True)\norder = np.argsort(-counts)[:3]\nreturn [(int(keys[k]), int(counts[k])) for k in order]',
        'f(whole)',
    ),
    'a sort that is not stable': (
        'return [b for a, b in sorted(x, key=lambda p: p[0])]',
        'return [x[k][1] for k in np.argsort([p[0] for p in x])]',
        'f([(random.random(), random.random()) for _ in range(150)])',
    ),
    'duplicates gone, order as well': (
        'seen = set()\nout = []\nfor v in x:\n    if v not in seen:\n        seen.add(v)\n        out.append(v)\nreturn out',
        'return sorted(set(x)) if len(set(x)) < len(x) else list(x)',
        'f(floats)',
    ),
    'the median of an even number': (
        's = sorted(x)\nn = len(s)\nreturn s[n // 2] if n % 2 else (s[n // 2 - 1] + s[n // 2]) / 2',
        'return sorted(x)[len(x) // 2]',
        'f(floats)',
    ),
    'fewer elements than the window': (
        'return [sum(x[i:i + k]) / k for i in range(len(x) - k + 1)]',
        'return np.convolve(x, np.ones(k) / k, "valid").tolist()',
        'f(floats, 4)',
    ),
    'the other side of equal ones': (
        'return [sum(1 for v in x if v < q) for q in x]',
        'return np.searchsorted(np.sort(x), x, side="right").tolist() if len(set(x)) < len(x) else np.searchsorted(np.sort(x), x).tolist()',
        'f(floats)',
    ),
    'the largest beyond the last bin': (
        'lo, hi = min(x), max(x)\nout = [0] * 10\nfor v in x:\n    out[min(9, int((v - lo) / (hi - lo) * 10))] += 1\nreturn out',
        'lo, hi = min(x), max(x)\nout = [0] * 11\nfor v in x:\n    out[int((v - lo) / (hi - lo) * 10)] += 1\nreturn out[:10]',
        'f(floats)',
    ),
    'the deviation of one element': (
        'n = len(x)\nif n < 2:\n    return 0.0\nm = sum(x) / n\nreturn (sum((v - m) ** 2 for v in x) / (n - 1)) ** 0.5',
        'return float(np.std(x, ddof=1))',
        'f(floats)',
    ),
    'beginning and end that overlap': (
        'i = 0\nwhile i < min(len(a), len(b)) and a[i] == b[i]:\n    i += 1\nj = 0\nwhile j < min(len(a), len(b)) - i and a[-1 - j] == b[-1 - j]:\n    j += 1\nreturn i + j',
        'i = 0\nwhile i < min(len(a), len(b)) and a[i] == b[i]:\n    i += 1\nj = 0\nwhile j < min(len(a), len(b)) and a[-1 - j] == b[-1 - j]:\n    j += 1\nreturn i + j',
        'f("".join(random.choices("ab", k=120)), "".join(random.choices("ab", k=90)))',
    ),
    'rising, and not strictly': (
        'import bisect\nt = []\nfor v in x:\n    k = bisect.bisect_left(t, v)\n    t[k:k + 1] = [v]\nreturn len(t)',
        'import bisect\nt = []\nfor v in x:\n    k = bisect.bisect_right(t, v)\n    t[k:k + 1] = [v]\nreturn len(t)',
        'f(floats)',
    ),
    'pairs of equal ones': (
        'return sum(1 for i in range(len(x)) for j in range(i) if abs(x[i] - x[j]) == 7)',
        's = set(x)\nreturn sum(1 for v in s if v + 7 in s)',
        'f(whole)',
    ),
    'sums into the same place': (
        'out = np.zeros(40)\nfor k, v in zip(at, x):\n    out[k] += v\nreturn out',
        'out = np.zeros(40)\nout[at] += x\nreturn out',
        'f(np.array(random.sample(range(40), 30)), np.array(floats[:30]))',
    ),
    'one value alone': (
        'lo, hi = min(x), max(x)\nreturn [0.0 for _ in x] if lo == hi else [(v - lo) / (hi - lo) for v in x]',
        'a = np.array(x)\nwith np.errstate(all="ignore"):\n    return ((a - a.min()) / (a.max() - a.min())).tolist()',
        'f(floats)',
    ),
    'the last run': (
        'out = []\nfor c in x:\n    if out and out[-1][0] == c:\n        out[-1][1] += 1\n    else:\n        out.append([c, 1])\nreturn out',
        'out, n = [], 1\nfor p, c in zip(x, x[1:]):\n    if p == c:\n        n += 1\n    else:\n        out.append([p, n])\n        n = 1\nif n > 1:\n    out.append([x[-1], n])\nreturn out',
        'f("".join(random.choices("abc", k=150)))',
    ),
    'whole numbers beyond 64 bits': (
        'a, b = 0, 1\nfor _ in range(n):\n    a, b = b, a + b\nreturn a',
        'a, b = np.int64(0), np.int64(1)\nwith np.errstate(all="ignore"):\n    for _ in range(n):\n        a, b = b, a + b\nreturn int(a)',
        'f(96)',
    ),
    'sums in 32 bits': (
        'return sum(v * v * v for v in x)',
        'return int((np.array(x, np.int32) ** 3).sum(dtype=np.int32))',
        'f(whole)',
    ),
    'towards zero below zero': (
        'return [v // 7 for v in x]',
        'return [int(v / 7) for v in x]',
        'f(whole)',
    ),
    'a rank that is whole': (
        'import math\ns = sorted(x)\nreturn s[max(0, math.ceil(0.25 * len(s)) - 1)]',
        'return sorted(x)[int(0.25 * len(x))] if len(x) % 4 == 0 else sorted(x)[max(0, -(-len(x) // 4) - 1)]',
        'f(floats)',
    ),
    'equal points that are not at 0': (
        'return [min(sum((a - b) ** 2 for a, b in zip(p, q)) ** 0.5 for j, q in enumerate(x) if j != i) for i, p in enumerate(x)]',
        'a = np.array(x)\nd = (a * a).sum(1)[:, None] + (a * a).sum(1) - 2 * a @ a.T\nnp.fill_diagonal(d, np.inf)\nreturn np.sqrt(np.abs(d)).min(1).tolist()',
        'f([(random.uniform(1e3, 2e3), random.uniform(1e3, 2e3)) for _ in range(60)])',
    ),
    'intervals that touch': (
        'out = []\nfor a, b in sorted((min(p), max(p)) for p in x):\n    if out and a <= out[-1][1]:\n        out[-1][1] = max(out[-1][1], b)\n    else:\n        out.append([a, b])\nreturn out',
        'out = []\nfor a, b in sorted((min(p), max(p)) for p in x):\n    if out and a < out[-1][1]:\n        out[-1][1] = max(out[-1][1], b)\n    else:\n        out.append([a, b])\nreturn out',
        'f([(k := random.randrange(2000), k + random.randrange(9)) for _ in range(80)])',
    ),
    'more than there are': (
        'return sorted(x, reverse=True)[:10]',
        'return np.sort(np.partition(x, -10)[-10:])[::-1].tolist()',
        'f(floats)',
    ),
    'a rest that does not fill a block': (
        'return [sum(x[i:i + 8]) for i in range(0, len(x), 8)]',
        'a = np.array(x)\nreturn [a[i:i + 8].sum().item() for i in range(0, len(a) - len(a) % 8 or 8, 8)]',
        'f(whole)',
    ),
    'the number 1': (
        'return [d for d in range(2, n + 1) if all(d % e for e in range(2, int(d ** 0.5) + 1))]',
        's = np.ones(n + 1, bool)\ns[:2] = False\nif n < 4:\n    s[0] = True\nfor k in range(2, int(n ** 0.5) + 1):\n    if s[k]:\n        s[k * k::k] = False\nreturn np.flatnonzero(s).tolist()',
        'f(3000)',
    ),
    'what is missing': (
        'known = [v for v in x.tolist() if v == v]\nreturn sum(known) / len(known)',
        'return float(np.mean(x[:1])) if np.isnan(x).sum() > 20 else float(np.nanmean(x))',
        'f(np.where(np.arange(200) % 9 == 0, np.nan, floats))',
    ),
    'an order of keys': (
        'out = {}\nfor v in x:\n    out.setdefault(v % 10, []).append(v)\nreturn [out[k] for k in out]',
        'out = {}\nfor v in sorted(x, key=lambda v: v % 10):\n    out.setdefault(v % 10, []).append(v)\nreturn list(out.values())',
        'f(whole)',
    ),
}


class WrongOnSome(unittest.TestCase):
    maxDiff = None

    def test_cases_that_are_made_of_one_call_find_each_program_that_is_wrong_on_some_inputs(self) -> None:
        self.assertGreaterEqual(len(PROGRAMS), 25)
        accepted = {what: told for what in PROGRAMS if (told := self._accepted(*PROGRAMS[what])) is not None}
        self.assertEqual(accepted, {})

    def _accepted(self, right: str, wrong: str, call: str) -> str | None:
        """What was asked where a wrong program got through; None where it did not."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            parameters = 'a, b' if call.count('"".join') == 2 else 'at, x' if 'sample' in call else 'x, k' if ', 4)' in call else 'n' if call[2:-1].isdigit() else 'x'
            for file, body in (('slow', right), ('fast', wrong)):
                text = f'import numpy as np\n\ndef f({parameters}):\n' + textwrap.indent(body, '    ') + '\n'
                (folder / f'{file}.py').write_text(text)
            (folder / 'main.py').write_text(f'from slow import f\n{DATA}{call}\n')
            text, _, _ = draft(folder / 'slow.py', 'f', ['main.py'])
            (folder / 'slow_cases.py').write_text(text)
            load = lambda role, file, at: UserFunction(role, folder / file, at, load_function(folder / file, at))  # noqa: E731
            generator, oracle, candidate = load('generator', 'slow_cases.py', 'make_case'), load('oracle', 'slow.py', 'f'), load('oracle', 'fast.py', 'f')
            prepare(generator, oracle, '5', 0, 14, 3, folder, more_seconds=0.05, edges=_edges_beside(generator))
            for module in ('slow', 'fast', 'slow_cases'):
                sys.modules.pop(module, None)
                sys.modules.pop(f'{module}_user', None)
            sys.path.remove(str(folder))
            rows = [row for row in json.loads((folder / 'cases.json').read_text())['cases'] if row['expected']]
            for row in rows:
                expected = decode((folder / row['expected']).read_bytes(), writable=True, root='answer')
                if self._differs(candidate.call, (folder / row['case']).read_bytes(), expected):
                    return None
            return f'{len(rows)} cases: {[row["description"] for row in rows]}'

    @staticmethod
    def _differs(function: Any, case: bytes, expected: Any) -> bool:
        args, kwargs = decode_case(bytearray(case), writable=True)
        try:
            answer = decode(encode(function(*args, **kwargs), root='answer', exact=True), writable=True, root='answer')
        except Exception:
            return True
        comparison = Comparison(Tolerance(1e-6), exact=True)
        comparison.values(expected, answer, 'answer')
        return comparison.kind != 'right'
