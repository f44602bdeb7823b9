"""One district: how its bodies stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from workflow import database, policy
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.models import Body, Prerequisite, Team, TeamDistrict
from workflow.queries import standing
from workflow.queries.standing import Standing


@dataclass(frozen=True, slots=True)
class BodyHere:
    """A body of the district."""

    ars: str
    name: str
    kind: str
    population: int | None
    standing: Standing
    missing: int | None
    """Prerequisites that are asked for and not there, or expired; None when the actor may not know of them."""


@dataclass(frozen=True, slots=True)
class DistrictPage:
    """A Landkreis with the bodies in it, or a town that is a district of its own."""

    ars: str
    name: str
    kind: str
    team: str | None
    team_title: str | None
    standing: Standing
    missing: int | None
    """Of all bodies whose prerequisites the actor may know of."""
    bodies: tuple[BodyHere, ...]
    """The Landkreis first, the others by name."""
    public: bool
    """The states count every case, not only those the actor sees."""
    live_state: str | None
    attribution: str

    @property
    def is_town(self) -> bool:
        """It is a district of its own."""
        return len(self.bodies) == 1


def district(work: Work, ars: str) -> DistrictPage:
    """One district as this actor may see it; takes the same number of statements however many cases there are.

    Raises NotFound for what is none.
    """
    bodies = _bodies(work, ars)
    itself = next((row for row in bodies if row.ars == ars), None)
    if itself is None:
        raise NotFound(what="district", name=ars)
    counted = standing.count(work, Body.ars, where=Body.district == ars)
    missing = _missing(work, ars)
    with_cases = {one.key[0] for one in counted}
    lines = [
        BodyHere(
            ars=row.ars,
            name=row.display_name,
            kind=row.kind,
            population=row.population,
            standing=standing.standing(work, (one for one in counted if one.key == (row.ars,))),
            missing=missing.get(row.ars) if missing is not None else None,
        )
        for row in bodies
        if row.valid_until is None or row.ars in with_cases
    ]
    return DistrictPage(
        ars=ars,
        name=itself.display_name,
        kind=itself.kind,
        team=itself.team,
        team_title=itself.team_title,
        standing=standing.standing(work, counted),
        missing=sum(missing.values()) if missing is not None else None,
        bodies=tuple(sorted(lines, key=lambda line: line.ars != ars)),
        public=work.catalogue.programme.state_is_public,
        live_state=standing.live_state(work),
        attribution=work.catalogue.attribution,
    )


def _bodies(work: Work, ars: str) -> Sequence[Any]:
    if not (ars.isascii() and ars.isdigit() and len(ars) == 12):
        return ()
    return work.session.execute(
        sa.select(
            Body.ars,
            Body.display_name,
            Body.kind,
            Body.population,
            Body.valid_until,
            Team.key.label("team"),
            Team.title.label("team_title"),
        )
        .outerjoin(TeamDistrict, TeamDistrict.district == Body.district)
        .outerjoin(Team, Team.key == TeamDistrict.team)
        .where(Body.district == ars)
        .order_by(database.plainly_sorted(work.session, Body.sort_key), Body.ars)
    ).all()


def _missing(work: Work, ars: str) -> dict[str, int] | None:
    """Prerequisites that are missing, by body; None when the actor may know of none here."""
    shared = work.catalogue.shared
    is_missing = sa.or_(
        sa.and_(Prerequisite.status.not_in(("done", "not_needed")), sa.not_(Prerequisite.renewing)),
        sa.and_(sa.or_(Prerequisite.status == "done", Prerequisite.renewing), Prerequisite.valid_until < work.today),
    )
    rows = work.session.execute(
        sa.select(Prerequisite.body, sa.func.sum(sa.case((is_missing, 1), else_=0)).label("missing"))
        .join(Body, Body.ars == Prerequisite.body)
        .where(
            Body.district == ars,
            policy.prerequisites(work.actor),
            Prerequisite.kind.not_in([name for name in shared.recurring if name not in shared.prerequisites]),
        )
        .group_by(Prerequisite.body)
    ).all()
    return {row.body: int(row.missing) for row in rows} if rows else None
