"""Verdicts: what the grader and the validators find, as one JSON file of one shape (see README.md)."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from comparing import Comparison, LargestError

_SEVERITY = ('right', 'wrong', 'invalid')


class PlanError(Exception):
    """The plan, or a file on the trusted side of it, cannot be used: the platform's fault, not the
    candidate's.
    """


@dataclass
class Finding:
    """What was found about one case, file or output."""

    name: str
    kind: str = 'right'
    checked: int = 0
    largest: LargestError | None = None
    mismatch: str | None = None
    notes: list[str] = field(default_factory=list)
    # By a function of the user's: the number that counts, and all of them by name.
    score: float | None = None
    values: dict[str, float] | None = None

    @classmethod
    def of(cls, name: str, comparison: Comparison) -> Finding:
        return cls(
            name,
            comparison.kind,
            comparison.checked,
            comparison.largest,
            comparison.mismatch(),
            comparison.notes,
        )

    @classmethod
    def invalid(cls, name: str, problem: str) -> Finding:
        return cls(name, 'invalid', mismatch=problem)

    def told(self) -> str:
        """Its mismatch with its name in front, where that does not stand there already."""
        mismatch = self.mismatch or ''
        return mismatch if mismatch.startswith(f'{self.name} ') else f'{self.name}, {mismatch}'

    @classmethod
    def wrong(cls, name: str, problem: str) -> Finding:
        return cls(name, 'wrong', mismatch=problem)


def verdict(findings: list[Finding]) -> dict[str, Any]:
    """The verdict on all findings: as bad as the worst of them. Raises `PlanError` where there are none."""
    if not findings:
        raise PlanError('expected at least one thing to judge in the plan, found none')
    kind = max((finding.kind for finding in findings), key=_SEVERITY.index)
    first = next((finding for finding in findings if finding.kind == kind and finding.mismatch), None)
    largest = max(
        ((finding.largest, finding.name) for finding in findings if finding.largest),
        key=lambda pair: pair[0].allowed_ratio,
        default=None,
    )
    return {
        'kind': kind,
        'checked': sum(finding.checked for finding in findings),
        'largestError': largest and _error(largest[0], f'{largest[1]}, {largest[0].where}'),
        'firstMismatch': first and first.told(),
        'cases': [
            {
                'name': finding.name,
                'kind': finding.kind,
                'checked': finding.checked,
                'largestError': finding.largest and _error(finding.largest, finding.largest.where),
                'mismatch': finding.mismatch,
                'notes': finding.notes,
                **({} if finding.score is None else {'score': finding.score, 'values': finding.values}),
            }
            for finding in findings
        ],
    }


def write_verdict(judge: Any, plan: Path, out: Path) -> None:
    """Reads the plan, lets `judge` find, writes the verdict. Ends the process with code 2 where the plan is
    unusable.
    """
    try:
        given = json.loads(plan.read_text('utf-8'))
        if not isinstance(given, dict):
            raise PlanError(f'expected an object, got a {type(given).__name__}')
        result = verdict(judge(given))
    except KeyError as error:
        print(f'{plan}: the plan cannot be judged: expected the field {error}, found none', file=sys.stderr)
        sys.exit(2)
    except (PlanError, OSError, json.JSONDecodeError) as error:
        print(f'{plan}: the plan cannot be judged: {error}', file=sys.stderr)
        sys.exit(2)
    out.write_text(json.dumps(result, ensure_ascii=True, allow_nan=False), 'utf-8')


def _error(largest: LargestError, where: str) -> dict[str, Any]:
    return {
        'absolute': _finite(largest.absolute),
        'relative': _finite(largest.relative),
        'allowedRatio': _finite(largest.allowed_ratio),
        'where': where,
    }


def _finite(number: float) -> float:
    # JSON has no infinity; the largest float is as far beyond every tolerance.
    return number if math.isfinite(number) else sys.float_info.max
