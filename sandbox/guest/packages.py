"""Says which packages a sandbox has: `packages.py --out FILE [--import NAME…]`.

It looks where Python itself looks, so that the list is of what is there and not of what was meant to be. What a package needs and
does not find is listed too. The modules of packages named by --import are imported, each in a process of its own.
"""

import argparse
import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

# The packages of a layer stand in front of the sandbox's own, and hide those of the same name.
LAYER = '/opt/crucible/packages'
IMPORT_SECONDS = 60
MOST_MODULES = 50


def canonical(name: str) -> str:
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(name))


def distributions() -> dict[str, metadata.Distribution]:
    """The first distribution of each name, as Python finds it."""
    found: dict[str, metadata.Distribution] = {}
    for each in metadata.distributions():
        if each.metadata['Name']:
            found.setdefault(canonical(each.metadata['Name']), each)
    return found


def modules_of(distribution: metadata.Distribution) -> list[str]:
    """The top-level modules a distribution brings, those that begin with an underscore last."""
    names = set()
    for file in distribution.files or []:
        first = file.parts[0]
        if first in ('..', 'bin') or first.endswith(('.dist-info', '.egg-info', '.data', '.libs')) or first == '__pycache__':
            continue
        if len(file.parts) > 1 and file.suffix in ('.py', '.so'):
            names.add(first)
        elif len(file.parts) == 1 and file.suffix in ('.py', '.so'):
            names.add(first.split('.')[0])
    return sorted((name for name in names if name.isidentifier()), key=lambda name: (name.startswith('_'), name))


def is_added(distribution: metadata.Distribution) -> bool:
    return Path(str(distribution.locate_file(''))).is_relative_to(LAYER)


def unmet_by(distribution: metadata.Distribution, found: dict[str, metadata.Distribution]) -> list[dict]:
    from packaging.requirements import InvalidRequirement, Requirement

    unmet = []
    for text in distribution.requires or []:
        try:
            needed = Requirement(text)
        except InvalidRequirement:
            continue
        if needed.marker is not None and not needed.marker.evaluate({'extra': ''}):
            continue
        there = found.get(canonical(needed.name))
        if there is None or not needed.specifier.contains(there.version, prereleases=True):
            needs = f'{needed.name}{needed.specifier}'
            unmet.append({'needs': needs, 'found': None if there is None else there.version})
    return unmet


def failure_of(module: str) -> str | None:
    """The last line of why a module cannot be imported; None where it can."""
    command = [sys.executable, '-I', '-B', '-c', f'import {module}']
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors='replace', timeout=IMPORT_SECONDS)
    except subprocess.TimeoutExpired:
        return f'not imported after {IMPORT_SECONDS} s'
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return (lines[-1] if lines else f'exit status {done.returncode}')[:2000]


def main() -> None:
    options = argparse.ArgumentParser(allow_abbrev=False)
    options.add_argument('--out', type=Path, required=True)
    options.add_argument('--import', dest='imported', nargs='*', default=[])
    chosen = options.parse_args()

    found = distributions()
    listed, unmet, failing = [], [], []
    for name, distribution in sorted(found.items()):
        added = is_added(distribution)
        modules = modules_of(distribution)
        listed.append({'name': name, 'version': distribution.version, 'modules': modules[:MOST_MODULES], 'added': added})
        unmet += [{'package': name, 'added': added, **each} for each in unmet_by(distribution, found)]
        if name in chosen.imported:
            public = [module for module in modules if not module.startswith('_')] or modules
            for module in public[:10]:
                error = failure_of(module)
                if error is not None:
                    failing.append({'package': name, 'module': module, 'error': error})
    chosen.out.write_text(json.dumps({'packages': listed, 'unmet': unmet, 'failing': failing}))


if __name__ == '__main__':
    main()
