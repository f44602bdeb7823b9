"""What was released stays: `released.txt` holds the fingerprint of each version that cases may be pinned to."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from workflow.checking import files
from workflow.checking.faults import Findings, Place, listed, meant
from workflow.checking.tree import Node
from workflow.definition import Process, fingerprint

_LINE = re.compile(r"(\S+)[ \t]+([0-9a-f]{64})[ \t]*\Z")


def read_released(folder: Path, written: Collection[str], findings: Findings) -> dict[str, str]:
    """Fingerprints by process version, as the file lists them. `written`: the versions that have a file."""
    text = files.read(folder, files.RELEASED, findings)
    released: dict[str, str] = {}
    for number, line in enumerate((text or "").split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        place = Place(files.RELEASED, number)
        match = _LINE.match(line)
        if match is None:
            findings.add(place, "fault.released_line")
        elif match[1] in released:
            findings.add(place, "fault.released_twice", id=match[1])
        else:
            released[match[1]] = match[2]
            if match[1] not in written:
                findings.add(place, "fault.released_missing", id=match[1], meant=meant(match[1], written))
    return released


def check_fingerprint(process: Process, root: Node, released: Mapping[str, str], findings: Findings) -> None:
    """A released version means what it meant when it was released."""
    if released.get(process.id, (now := fingerprint(process))) != now:
        place = root.entries["version"].place if root.entries else root.place
        findings.add(place, "fault.released_changed", id=process.id, next=f"v{process.version + 1}.yaml")


def check_numbering(versions: Mapping[str, Collection[int]], findings: Findings) -> None:
    """The versions of a process are numbered from 1 without gaps."""
    for process, numbers in versions.items():
        missing = sorted(set(range(1, max(numbers))) - set(numbers))
        if missing:
            first = min(number for number in numbers if number > missing[0])
            place = Place(f"processes/{process}/v{first}.yaml")
            findings.add(place, "fault.version_gap", missing=listed(f"v{number}.yaml" for number in missing))
