"""Measures the original against the faster program: the same fresh inputs for both, one right after the other.

    python benchmark.py [PAIRS]
"""

import math
import secrets
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / 'check'))

from programs import Program, make_cases  # noqa: E402

# Shorter functions answer several inputs a time, so that a time is long enough to be measured.
SHORTEST_SECONDS = 0.2
LARGEST_BATCH = 256


def plain(ratio: float) -> str:
    """Three digits, as people write them."""
    return f'{float(f"{ratio:.3g}"):,.10g}'


def main() -> None:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    times: dict[str, list[float]] = {'original': [], 'program': []}
    with Program('original') as original, Program('program') as program:
        players = [('original', original), ('program', program)]
        # The first calls load, and may compile.
        warm_up = make_cases(2, 'warm-up')
        for _, player in players:
            player.seconds(warm_up)
        batch = min(LARGEST_BATCH, max(1, math.ceil(SHORTEST_SECONDS / original.seconds(warm_up[:1]))))
        for pair in range(pairs):
            cases = make_cases(batch, secrets.token_hex())
            # Who goes first changes, so that neither profits from it.
            for name, player in players if pair % 2 == 0 else reversed(players):
                times[name].append(player.seconds(cases) / batch)
    for name, seconds in times.items():
        print(f'{name:9} {1000 * statistics.median(seconds):10.3f} ms a call')
    ratios = [slow / fast for slow, fast in zip(times['original'], times['program'])]
    print(f'{plain(statistics.median(ratios))} times faster ({plain(min(ratios))} to {plain(max(ratios))} in {pairs} pairs)')


if __name__ == '__main__':
    main()
