"""What exists in the folder under which name, so that references can be followed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workflow.checking.bodies import KnownBody
from workflow.checking.faults import Findings, listed, meant
from workflow.checking.tree import Node


@dataclass(frozen=True, slots=True)
class Known:
    """Names by kind. None where the file that lists them cannot be read: then nothing is said about references."""

    bodies: Mapping[str, KnownBody] | None
    """By ARS."""
    processes: frozenset[str]
    services: frozenset[str]
    variants: frozenset[str]
    groups: frozenset[str] | None
    ladders: frozenset[str] | None
    promising: frozenset[str]
    """Ladders in which a rung asks for a promise."""
    teams: frozenset[str] | None
    operators: frozenset[str] | None
    prerequisites: Mapping[str, bool] | None
    """Kind → whether a body has several, told apart by a scope."""
    milestones: frozenset[str] | None
    messages: frozenset[str]
    """Messages that exist in at least one language."""
    samples: frozenset[str] = frozenset()
    """Sample documents."""

    @property
    def kinds(self) -> frozenset[str] | None:
        """Every kind of body."""
        return None if self.bodies is None else frozenset(body.kind for body in self.bodies.values())

    @property
    def districts(self) -> Mapping[str, str] | None:
        """ARS → name of the Landkreise and kreisfreie Städte: bodies that lie in no other."""
        if self.bodies is None:
            return None
        return {ars: body.name for ars, body in self.bodies.items() if body.district_ars in ("", ars)}


def names_in(root: Node | None, key: str) -> frozenset[str] | None:
    """The keys of the mapping under `key`; None when there is none to read."""
    node = root.get(key) if root is not None else None
    return None if node is None or node.entries is None else frozenset(node.entries)


def refer(findings: Findings, node: Node | None, known: Collection[str] | None, key: str) -> bool:
    """Whether the text in `node` is one of the known names; if it is another text, that is a fault.

    Values that are no text were reported already, and with `known` None nobody can tell: both count as fine.
    """
    if node is None or node.word is None or known is None or node.word in known:
        return True
    names = known if isinstance(known, (tuple, list)) else sorted(known)
    findings.add(node.place, key, name=node.word, known=listed(names, most=20), meant=meant(node.word, known))
    return False
