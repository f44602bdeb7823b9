"""Lists kept under a name: by whom, for whom, and what of an address is kept."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tests.world import World
from webui.case_list import VIEWED
from workflow import people, views
from workflow.errors import InvalidEvidence, NotAllowed, NotFound, Refused
from workflow.policy import Role


def keep(world: World, who: str, title: str = "Überfällig", *, query: str = "overdue=yes", team: str = "") -> UUID:
    with world.by(who) as work:
        return views.keep(work, page="cases", query=query, title=title, team=team or None).id


def seen(world: World, who: str) -> list[str]:
    with world.look(who) as work:
        return [view.title for view in views.of_actor(work)]


def test_a_view_is_its_owners_alone_or_the_teams(world: World) -> None:
    keep(world, "team", "Eigene")
    keep(world, "team", "Für alle", team=world.team)
    assert seen(world, "team") == ["Eigene", "Für alle"]
    assert seen(world, "colleague") == seen(world, "supervisor") == ["Für alle"]
    for who in ("other_team", "office", "digi", "auditor", "admin"):
        assert seen(world, who) == [], who


def test_only_who_belongs_to_a_team_gives_it_a_view(world: World) -> None:
    for who in ("other_team", "office", "digi", "auditor"):
        with pytest.raises(NotAllowed):
            keep(world, who, team=world.team)
    with pytest.raises(NotAllowed):
        keep(world, "team", team="no-such-team")


def test_owner_and_supervisor_change_a_teams_view_and_nobody_else(world: World) -> None:
    shared, own = keep(world, "team", team=world.team), keep(world, "team", "Eigene")
    with world.by("colleague") as work, pytest.raises(NotAllowed):
        views.rename(work, shared, title="Anders", team=world.team)
    with world.by("colleague") as work, pytest.raises(NotAllowed):
        views.forget(work, shared)
    with world.by("supervisor") as work, pytest.raises(NotAllowed):
        views.rename(work, shared, title="Meine", team=None)  # it would be somebody else's alone
    for who, view in (("colleague", own), ("supervisor", own), ("other_team", shared), ("team", uuid4())):
        with world.by(who) as work, pytest.raises(NotFound):
            views.forget(work, view)
    with world.by("supervisor") as work:
        views.rename(work, shared, title="Spät dran", team=world.team)
        views.replace(work, shared, page="board", query="?rests=yes&after=x")
    with world.look("colleague") as work:
        shown = views.view(work, shared)
    assert (shown.title, shown.page, shown.query, shown.owner, shown.mine, shown.may_change) == (
        "Spät dran", "board", "rests=yes", "Team", False, False,
    )  # fmt: skip
    with world.by("supervisor") as work:
        views.forget(work, shared)
    assert seen(world, "colleague") == []


def test_an_address_keeps_what_its_page_knows_and_nothing_else(world: World) -> None:
    kept = keep(
        world,
        "team",
        query="?overdue=yes&after=wohngeld-07339-1&column=body&column=due&next=https%3A%2F%2Fevil.example"
        "&q=a%26b%3Dc&service=wohngeld&service=uvg&state=%00&csrf_token=x&page=cases",
    )
    with world.look("team") as work:
        assert views.view(work, kept).query == "overdue=yes&column=body&column=due&q=a%26b%3Dc&service=wohngeld"


def test_a_view_has_a_name_of_its_own(world: World) -> None:
    keep(world, "team", "  Spät \t dran ")
    assert seen(world, "team") == ["Spät dran"]
    for title in ("", "   ", "\x00", "x" * 81):
        with pytest.raises(InvalidEvidence):
            keep(world, "team", title)
    with pytest.raises(Refused, match="view_title_taken"):
        keep(world, "team", "Spät dran")
    keep(world, "team", "Spät dran", team=world.team)
    keep(world, "colleague", "Spät dran")
    with pytest.raises(Refused, match="view_title_taken"):
        keep(world, "colleague", "Spät dran", team=world.team)


def test_nobody_keeps_without_end(world: World) -> None:
    with pytest.raises(Refused, match="view_address_long"):
        keep(world, "team", query="q=" + "x" * 2100)
    with pytest.raises(NotFound), world.by("team") as work:
        views.keep(work, page="../admin", query="", title="Nein")
    for number in range(views.MOST):
        keep(world, "team", f"Ansicht {number}")
    with pytest.raises(Refused, match="views_many"):
        keep(world, "team", "Eine zu viel")
    keep(world, "colleague")


def test_erasing_somebody_leaves_what_the_team_has(world: World) -> None:
    keep(world, "team", "Eigene")
    keep(world, "team", "Für alle", team=world.team)
    with world.by("admin") as work:
        people.erase(work, world["team"])
    assert seen(world, "colleague") == ["Für alle"]
    with world.look("colleague") as work:
        assert [view.owner for view in views.of_actor(work)] == [None]


def test_who_leaves_the_team_keeps_the_own_views(world: World) -> None:
    keep(world, "colleague", "Für alle", team=world.team)
    keep(world, "team", "Von Team", team=world.team)
    with world.engine.change("system") as work:
        people.withdraw(work, world["colleague"], Role("umsetzungsteam", team=world.team))
    assert seen(world, "colleague") == ["Für alle"]


def test_every_page_with_views_has_an_address() -> None:
    assert views.PAGES.keys() == VIEWED.keys()
