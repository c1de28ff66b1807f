"""Measures the original script against the faster one, one right after the other.

    python benchmark.py [PAIRS]
"""

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / 'check'))

from programs import Run  # noqa: E402


def plain(ratio: float) -> str:
    """Three digits, as people write them."""
    return f'{float(f"{ratio:.3g}"):,.10g}'


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times: dict[str, list[float]] = {'original': [], 'program': []}
    for pair in range(pairs):
        # Who goes first changes, so that neither profits from it.
        for name in ('original', 'program') if pair % 2 == 0 else ('program', 'original'):
            with Run(name) as run:
                times[name].append(run.seconds)
    for name, seconds in times.items():
        print(f'{name:9} {statistics.median(seconds):10.3f} s')
    ratios = [slow / fast for slow, fast in zip(times['original'], times['program'])]
    print(f'{plain(statistics.median(ratios))} times faster ({plain(min(ratios))} to {plain(max(ratios))} in {pairs} pairs)')


if __name__ == '__main__':
    main()
