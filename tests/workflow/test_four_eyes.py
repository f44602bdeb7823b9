"""Four eyes: what one human being handed in, another one confirms."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.world import World
from workflow import history, people, tasks
from workflow.errors import Conflict, NotAllowed, NotFound, Refused, SecondPersonNeeded
from workflow.queries import inbox
from workflow.queries import task as page


@pytest.fixture
def handed_in(world: World) -> UUID:
    """A task the digi handed in, which the team has to confirm."""
    case_id = world.open()
    world.walk(case_id, until="contracted")
    for name, who in [("pvog_entry", "redaktion"), ("service_parameters", "fachamt")]:
        world.do(case_id, name, who)
    task_id = world.task(case_id, "questionnaire")
    with world.by("digi") as work:
        tasks.submit(work, task_id, world.answers(work, case_id, "questionnaire"))
    return task_id


def add(world: World, who: str, email: str, *roles: str) -> people.PersonView:
    """A further account."""
    with world.by("admin") as work:
        held = [people.parse_role(role) for role in roles]
        made = people.add(work, email=email, name=who.title(), password_hash=None, language="de", roles=held)
    world.ids[who] = made.id
    return made


def is_refused(world: World, who: str, task_id: UUID) -> bool:
    """Neither confirmed nor sent back by this account, and not offered anywhere."""
    with pytest.raises(SecondPersonNeeded), world.by(who) as work:
        tasks.confirm(work, task_id)
    with pytest.raises(SecondPersonNeeded), world.by(who) as work:
        tasks.send_back(work, task_id, "Nein")
    with world.look(who) as work:
        shown = page.task(work, task_id)
        waits = {item.id for item in _items(inbox.inbox(work))}
    return not shown.may("confirm", "send_back") and task_id not in waits


def test_a_second_account_of_the_same_person_does_not_confirm(world: World, handed_in: UUID) -> None:
    add(world, "twin", "private@startklar.example", f"umsetzungsteam@{world.team}")
    with world.look("twin") as work:
        assert page.task(work, handed_in).may("confirm"), "nobody knows yet whose account it is"
    with world.by("admin") as work:
        people.same_human(work, world["digi"], world["twin"])
    assert is_refused(world, "twin", handed_in)
    with world.by("team") as work:
        assert tasks.confirm(work, handed_in).status == "done"


@pytest.mark.parametrize("address", ["digi+team@startklar.example", "DIGI+x+y@Startklar.example"])
def test_an_address_with_a_tag_is_recognised_as_the_same_mailbox(world: World, handed_in: UUID, address: str) -> None:
    made = add(world, "twin", address, f"umsetzungsteam@{world.team}")
    assert made.same_as == ("digi@startklar.example",)
    assert is_refused(world, "twin", handed_in)


def test_similar_addresses_are_not_the_same_mailbox(world: World) -> None:
    for address in ("digi2@startklar.example", "digi@other.example", "digital+digi@startklar.example"):
        assert add(world, address, address).same_as == ()


def test_a_third_account_of_a_person_counts_as_well(world: World, handed_in: UUID) -> None:
    add(world, "second", "digi+2@startklar.example")
    add(world, "third", "third@startklar.example", f"umsetzungsteam@{world.team}")
    with world.by("admin") as work:
        people.same_human(work, world["third"], world["second"])
    assert is_refused(world, "third", handed_in)


def test_who_could_is_named_and_so_is_that_nobody_could(world: World, handed_in: UUID) -> None:
    with world.by("admin") as work:
        people.grant(work, world["digi"], people.parse_role(f"umsetzungsteam@{world.team}"))
    with pytest.raises(SecondPersonNeeded) as refused, world.by("digi") as work:
        tasks.confirm(work, handed_in)
    assert refused.value.facts == {"people": "Colleague, Team"}
    with world.by("admin") as work:
        for one in ("team", "colleague"):
            people.withdraw(work, world[one], people.parse_role(f"umsetzungsteam@{world.team}"))
    with pytest.raises(SecondPersonNeeded) as refused, world.by("digi") as work:
        tasks.confirm(work, handed_in)
    assert refused.value.key == "error.second_person_missing"


def test_it_can_be_taken_back(world: World, handed_in: UUID) -> None:
    add(world, "twin", "digi+2@startklar.example", f"umsetzungsteam@{world.team}")
    add(world, "third", "third@startklar.example")
    with world.by("admin") as work:
        people.same_human(work, world["digi"], world["third"])
        people.not_same_human(work, world["twin"], world["digi"])  # the human being was called after this account
    with world.by("twin") as work:
        assert tasks.confirm(work, handed_in).status == "done"
    with world.look() as work:
        assert not [history.differences(work, "person", world[who]) for who in world.ids if _differs(world, who)]
    with pytest.raises(Conflict), world.by("admin") as work:
        people.same_human(work, world["twin"], world["third"])


def test_only_the_administration_says_so_and_only_of_two_accounts_that_are_there(world: World) -> None:
    with pytest.raises(NotAllowed), world.by("office") as work:
        people.same_human(work, world["digi"], world["team"])
    with pytest.raises(NotAllowed), world.by("digi") as work:
        people.not_same_human(work, world["digi"], world["team"])
    with pytest.raises(Refused), world.by("admin") as work:
        people.same_human(work, world["digi"], world["digi"])
    with pytest.raises(NotFound), world.by("admin") as work:
        people.same_human(work, world["digi"], UUID(int=1))
    with pytest.raises(Conflict), world.by("admin") as work:
        people.not_same_human(work, world["digi"], world["team"])


def _differs(world: World, who: str) -> bool:
    with world.look() as work:
        return bool(history.differences(work, "person", world[who]))


def _items(shown: inbox.Inbox) -> list[inbox.Item]:
    return [*shown.now, *shown.this_week, *shown.later, *shown.undated, *shown.resting]
