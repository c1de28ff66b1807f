"""Whether an answer is right by a check of the user's: for functions that have several right answers.

The check runs in the grader's sandbox, where no candidate ever is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from comparing import describe
from user_code import load_function, tell

_MOST_REASON = 500


class Check:
    """The user's function `name` in the file at `path`: it takes a call's arguments with an answer, and returns whether that is right, or why
    not. Raises `UserCodeError` where there is no such function.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.title = f'{name} in {path.name}'
        self._folder = path.parent
        self._call = load_function(path, name)

    def refusal(self, args: tuple[Any, ...], kwargs: dict[str, Any], answer: Any) -> str | None:
        """Why `answer` is not right; None where it is. The answer comes behind the arguments, or by the name `answer` where some
        of them have names. A check that fails on an answer does not accept it.
        """
        try:
            # The values are made out of bytes for this call alone, so the check may change them.
            said = self._call(*args, **kwargs, answer=answer) if kwargs else self._call(*args, answer)
            if isinstance(said, (bool, np.bool_)):
                return None if said else f'{self.title} does not accept it'
            if isinstance(said, str) and said.strip():
                return f'{self.title}: {said.strip()[:_MOST_REASON]}'
            return f'{self.title} returned {describe(said)}: expected True, False, or in words why an answer is not right'
        except BaseException as error:
            return f'{self.title} raises:\n{tell(error, self._folder)}'
