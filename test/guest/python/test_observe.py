"""Where the time of a function goes: by the line that runs."""

from __future__ import annotations

import sys
import tempfile
import unittest
from pathlib import Path

from conductor import GUEST

sys.path.insert(0, str(GUEST.parents[1] / 'strategies'))
from observe import observe

from cases import encode_case
from user_code import load_function

PROGRAM = '''def falls(prices, window):
    worst = []
    for end in range(window, len(prices) + 1):
        peak = 0.0
        for price in prices[end - window:end]:
            if price > peak:
                peak = price
        worst.append(peak)
    return worst
'''


class Observing(unittest.TestCase):
    def test_the_time_of_a_loop_is_that_of_its_lines_and_not_of_the_line_where_the_function_begins(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve()
            (folder / 'prices.py').write_text(PROGRAM)
            function = load_function(folder / 'prices.py', 'falls')
            case = bytes(encode_case(([float(k % 97) for k in range(3000)], 60), {}))
            lines = {each['line']: each['share'] for each in observe(function, folder, case)['lines']}
            sys.path.remove(str(folder))
        self.assertNotIn(1, lines)
        self.assertGreater(sum(lines.get(line, 0) for line in (5, 6, 7)), 0.5)


if __name__ == '__main__':
    unittest.main()
