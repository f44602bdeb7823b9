"""The people of a rehearsal: made up, without passwords, for every role that nobody holds yet."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

import sqlalchemy as sa

from workflow import people, texts
from workflow.engine import SYSTEM, Engine, Work
from workflow.models import Body, Grant, Person, Team
from workflow.policy import Role
from workflow.rehearsal import assumptions
from workflow.rehearsal.assumptions import dice

_EVERYWHERE = (("leitung",), ("digi",), ("fachamt",))
_LARGE = (("leitung",), ("digi",), ("fachamt",), ("it",), ("kasse",), ("redaktion",), ("dsb", "isb"))
_SOMETIMES = ("it", "kasse", "redaktion", "dsb")
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Part:
    """Somebody to be made up: a mailbox at a domain, with these roles."""

    mailbox: str
    domain: str
    roles: tuple[Role, ...]


def assemble(engine: Engine, bodies: Iterable[str], seed: int) -> None:
    """See to it that somebody acts in every team, for every operator, centrally and at these bodies.

    Small houses do not have somebody for every role; what falls to whom then is the engine's rule.
    """
    with engine.read(SYSTEM) as work:
        parts = [*_of_the_land(work), *_of_bodies(work, sorted(bodies), seed)]
    for begin in range(0, len(parts), _AT_ONCE):
        with engine.change(SYSTEM) as work:
            for part in parts[begin : begin + _AT_ONCE]:
                _add(work, part, dice(seed, part.mailbox, part.domain))


def _of_the_land(work: Work) -> list[_Part]:
    grants = work.session.execute(sa.select(Grant.role, Grant.team, Grant.operator).where(Grant.ended_at.is_(None)))
    held = {(grant.role, grant.team, grant.operator) for grant in grants}
    teams = work.session.execute(sa.select(Team.key).order_by(Team.key)).scalars().all()
    operators = sorted({entry.operator for entry in work.catalogue.services.values() if entry.operator})
    parts = [
        *(_Part(f"team-{key}", "umsetzung.example", (Role("umsetzungsteam", team=key),)) for key in teams),
        *(_Part(f"aufsicht-{key}", "umsetzung.example", (Role("supervisor", team=key),)) for key in teams),
        *(_Part(f"rollout-{key}", "betreiber.example", (Role("rollout_team", operator=key),)) for key in operators),
        _Part("programm", "programm.example", (Role("programme_office"),)),
    ]
    return [part for part in parts for role in part.roles if (role.role, role.team, role.operator) not in held]


def _of_bodies(work: Work, wanted: list[str], seed: int) -> list[_Part]:
    """Bodies where somebody has an account already keep the people they have."""
    peopled = set(
        work.session.execute(sa.select(Grant.body).where(Grant.ended_at.is_(None), Grant.body.is_not(None))).scalars()
    )
    rows = work.session.execute(sa.select(Body.ars, Body.name, Body.kind, Body.population).order_by(Body.ars))
    parts: list[_Part] = []
    names: set[str] = set()
    for row in rows:
        domain = _domain(row.name, row.kind, names)
        if row.ars not in wanted or row.ars in peopled:
            continue
        chance = dice(seed, "people", row.ars)
        large = row.population is None or row.population >= assumptions.SMALL_HOUSE
        held = _LARGE if large else (*_EVERYWHERE, *((role,) for role in _SOMETIMES if chance.random() < 0.35))
        parts += [_Part(roles[0], domain, tuple(Role(role, body=row.ars) for role in roles)) for roles in held]
    return parts


def _domain(name: str, kind: str, taken: set[str]) -> str:
    """A mail domain nobody can have (RFC 2606), told apart where a town and a district share a name."""
    plain = re.sub(r"[^a-z0-9]+", "-", texts.sort_key(name)).strip("-")
    if plain in taken:
        plain = f"{'kreis' if kind == 'landkreis' else 'vg'}-{plain}"
    taken.add(plain)
    return f"{plain}.example"


def _add(work: Work, part: _Part, chance: Random) -> None:
    address = f"{part.mailbox}@{part.domain}"
    if work.session.execute(sa.select(Person.id).where(Person.email == address)).first() is not None:
        return
    name = f"{chance.choice(assumptions.FIRST_NAMES)} {chance.choice(assumptions.SURNAMES)}"
    people.add(work, email=address, name=name, password_hash=None, language="de", roles=part.roles)
