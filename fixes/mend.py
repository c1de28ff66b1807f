"""Changes a program without a model, as a diagnosis asks for it.

    mend.py --fix fix.json --program FOLDER --out FOLDER

`fix.json` is the `rewrite` of a diagnosis. Writes the changed file below its path, and `mended.json` with a note; or `problem.json` with the
reason where the fix does not fit. The program is read and never run.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from calls import draw_off_screen, make_folder, name_encoding, write_numbers_as_json
from layout import add_colon, decode_source, expand_tabs, from_python2, guard_start
from names import add_import, import_absolutely, rename_module, replace_removed
from sizes import halve_size, raise_recursion_limit
from source import NotApplicable

Fix = dict[str, object]

# From the text and the fix to the text, and one sentence on what was done.
_REWRITINGS: dict[str, Callable[[str, Fix], tuple[str, str]]] = {
    'expandTabs': expand_tabs,
    'addColon': add_colon,
    'fromPython2': from_python2,
    'makeFolder': make_folder,
    'drawOffScreen': draw_off_screen,
    'nameEncoding': name_encoding,
    'replaceRemoved': replace_removed,
    'renameModule': rename_module,
    'importAbsolutely': import_absolutely,
    'addImport': add_import,
    'halveSize': halve_size,
    'guardStart': guard_start,
    'raiseRecursionLimit': raise_recursion_limit,
    'writeNumbersAsJson': write_numbers_as_json,
}


def mend(data: bytes, fix: Fix) -> tuple[bytes, str]:
    """The changed file, and what was changed. Raises `NotApplicable`."""
    rewriting = str(fix['rewriting'])
    if rewriting == 'decodeSource':
        return decode_source(data)
    try:
        # An end of line stays the one that it is.
        text = data.decode('utf-8-sig')
    except UnicodeDecodeError:
        raise NotApplicable('the source is not UTF-8') from None
    changed, note = _REWRITINGS[rewriting](text, fix)
    if changed == text:
        raise NotApplicable('there is nothing to change')
    return changed.encode(), note


def main() -> None:
    options = argparse.ArgumentParser(description='Changes a program as a diagnosis asks for it.', allow_abbrev=False)
    options.add_argument('--fix', type=Path, required=True)
    options.add_argument('--program', type=Path, required=True)
    options.add_argument('--out', type=Path, required=True)
    chosen = options.parse_args()
    fix = json.loads(chosen.fix.read_text())
    chosen.out.mkdir(parents=True, exist_ok=True)
    try:
        changed, note = mend((chosen.program / fix['path']).read_bytes(), fix)
    except NotApplicable as problem:
        (chosen.out / 'problem.json').write_text(json.dumps({'reason': str(problem)[:400]}))
        return
    target = chosen.out / 'program' / fix['path']
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(changed)
    (chosen.out / 'mended.json').write_text(json.dumps({'note': note[:400]}))


if __name__ == '__main__':
    main()
