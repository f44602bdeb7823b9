"""Trainings the programme offers."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from tests.world import World
from workflow import trainings
from workflow.errors import Conflict, InvalidEvidence, NotAllowed, NotFound
from workflow.models import Training

GIVEN = {"title_de": "Elterngeld testen", "held_on": "14.01.2027", "begins_at": "9:30", "place": "online"}


def test_the_programme_office_plans_a_training_and_calls_it_off(world: World) -> None:
    with world.by("office") as work:
        planned = trainings.plan(work, GIVEN, service="elterngeld")
    with world.look() as work:
        row = work.session.execute(sa.select(Training.__table__).where(Training.id == planned.id)).one()
    assert (row.title_de, row.title_en) == ("Elterngeld testen", "Elterngeld testen")
    assert (row.held_on, row.begins_at, row.service) == (dt.date(2027, 1, 14), "09:30", "elterngeld")
    with world.by("office") as work:
        assert trainings.cancel(work, planned.id).cancelled_on == work.today
    with world.by("office") as work, pytest.raises(Conflict):
        trainings.cancel(work, planned.id)


def test_nobody_else_plans_one_and_none_without_a_day_to_come(world: World) -> None:
    for who in ("team", "supervisor", "digi", "admin"):
        with world.by(who) as work, pytest.raises(NotAllowed):
            trainings.plan(work, GIVEN)
    with world.by("office") as work, pytest.raises(NotFound):
        trainings.plan(work, GIVEN, service="hundesteuer")
    for changes, fault in (
        ({"held_on": "01.01.2020"}, "held_on"),
        ({"begins_at": "25:00"}, "begins_at"),
        ({"title_de": ""}, "title_de"),
        ({"link": "javascript:alert(1)"}, "link"),
    ):
        with world.by("office") as work, pytest.raises(InvalidEvidence) as refused:
            trainings.plan(work, GIVEN | changes)
        assert set(refused.value.faults) == {fault}
    with world.look() as work:
        example = work.session.execute(sa.select(Training.id).where(Training.key.is_not(None)).limit(1)).scalar_one()
    with world.by("digi") as work, pytest.raises(NotAllowed):
        trainings.cancel(work, example)
