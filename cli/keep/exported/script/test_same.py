"""Runs the original and the faster script and compares their files and standard output, within the tolerance of the job.

    python test_same.py        (or: python -m pytest test_same.py)
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / 'check'))

from programs import SETTINGS, Run, check_of  # noqa: E402

try:
    from comparing import Tolerance
    from comparing_files import compare_file, compare_stdout
except ModuleNotFoundError as error:
    sys.exit(f'{error}. Install what this folder needs: pip install -r requirements.txt')


def test_same() -> None:
    tolerance, exact = Tolerance(**SETTINGS['tolerance']), SETTINGS['answers'] == 'exact'
    with Run('original') as original, Run('program') as program:
        expected, actual = original.outputs(), program.outputs()
        findings = [
            compare_file(
                {'path': path, 'expected': expected.get(path), 'actual': actual.get(path), 'check': check_of(path)},
                tolerance,
                exact,
            )
            for path in sorted(expected.keys() | actual.keys())
        ]
        streams = {'expected': original.stdout, 'actual': program.stdout, 'ignore': SETTINGS['ignoreLines']}
        findings.append(compare_stdout(streams, tolerance))
        wrong = [f'{finding.name}: {finding.mismatch}' for finding in findings if finding.kind != 'right']
        assert not wrong, '\n'.join(wrong)


if __name__ == '__main__':
    test_same()
    print('The same files and the same standard output.')
