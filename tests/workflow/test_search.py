"""Searching: what is found is what policy lets somebody see, however it is spelled."""

from __future__ import annotations

import io
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.conftest import Prepare
from tests.statements import counted
from tests.world import EMPTY_TOWN, STRANGE_TOWN, TOWN, World
from workflow import documents, participants, people, policy
from workflow.models import Body, Case, Document, Person, Prerequisite
from workflow.queries import case_list, search
from workflow.queries.case_list import Filters
from workflow.queries.search import Found

EVERYBODY = (
    "admin",
    "office",
    "auditor",
    "team",
    "other_team",
    "supervisor",
    "operator",
    "leitung",
    "digi",
    "fachamt",
    "kasse",
    "helper",
    "stranger",
)


@pytest.fixture
def town_hall(prepared: Prepare) -> World:
    """Cases of three towns, documents, prerequisites, a body that takes part in another's case, and Frau Müller-Voß."""
    return prepared(_town_hall)[0]


def _town_hall(world: World) -> None:
    for body in (TOWN, STRANGE_TOWN, EMPTY_TOWN):
        world.open(body=body)
    signed = world.open("uvg")
    file = documents.store(
        world.engine.settings.documents, io.BytesIO(b"%PDF-1.7\n"), "Gebührensatzung_Großmaischeid 100%.pdf"
    )
    world.finish_state(signed, accept_terms={"signed_terms": file})
    world.walk(signed, until="contracted")
    with world.by("admin") as work:
        nearby = sa.select(Body.ars).where(Body.district == TOWN, Body.kind == "verbandsgemeinde").order_by(Body.ars)
        helper = work.session.execute(nearby.limit(1)).scalar_one()
        for name, email, role in (
            ("Ährenfried Müller-Voß", "amv@mainz-bingen.example", f"fachamt@{TOWN}"),
            ("Helper", "helper@startklar.example", f"digi@{helper}"),
        ):
            added = people.add(
                work, email=email, name=name, password_hash=None, language="de", roles=[people.parse_role(role)]
            )
            world.ids.setdefault(name.lower(), added.id)
        del world.ids["ährenfried müller-voß"]
    taking_part = world.open("bauantrag")
    with world.by("team") as work:
        participants.join(work, taking_part, [helper])


def found(world: World, who: str, text: str, only: str | None = None) -> Found:
    with world.look(who) as work:
        return search.search(work, text, only=only)


def ids(world: World, who: str, clause: str) -> set[UUID]:
    """What policy lets somebody see, asked of the database directly."""
    with world.look(who) as work:
        asked = {
            "cases": sa.select(Case.id).where(policy.cases(work.actor), Case.superseded_by.is_(None)),
            "documents": sa.select(Document.id).where(policy.documents(work.actor)),
            "prerequisites": sa.select(Prerequisite.id).where(policy.prerequisites(work.actor)),
            "people": sa.select(Person.id).where(policy.people(work.actor)),
        }[clause]
        return set(work.session.execute(asked).scalars())


def test_what_a_search_finds_is_what_policy_lets_everybody_see(town_hall: World) -> None:
    world = town_hall
    with world.look() as work:
        numbers = dict(work.session.execute(sa.select(Case.number, Case.id)).all())
        names = dict(work.session.execute(sa.select(Person.id, Person.name)).all())
        titles = [kind.title.de for kind in work.catalogue.shared.prerequisites.values()]
        towns = work.session.execute(sa.select(Body.display_name).where(Body.ars.in_(sa.select(Case.body)))).scalars()
        asked_for = list(towns)
    for who in EVERYBODY:
        mine = ids(world, who, "cases")
        with world.look(who) as work:
            others = set(work.session.execute(sa.select(Case.id).where(policy.takes_part(work.actor))).scalars())
        for number, case_id in numbers.items():
            assert found(world, who, number).exact == (case_id if case_id in mine | others else None), (who, number)
        every = {hit.id: hit.mine for name in asked_for for hit in found(world, who, name, "cases").cases.hits}
        assert every == dict.fromkeys(others - mine, False) | dict.fromkeys(mine, True), who
        hits = {hit.document.id for text in ("pdf",) for hit in found(world, who, text, "documents").documents.hits}
        assert hits == ids(world, who, "documents"), who
        proofs = {hit.id for text in titles for hit in found(world, who, text, "prerequisites").prerequisites.hits}
        assert proofs == ids(world, who, "prerequisites"), who
        seen = ids(world, who, "people")
        for person, name in names.items():
            assert name is not None
            listed = {hit.id for hit in found(world, who, name, "people").people.hits}
            assert (person in listed) == (person in seen), (who, name)


def test_people_are_found_by_who_works_with_them_and_nobody_else(town_hall: World) -> None:
    world = town_hall
    of_town = {"leitung", "digi", "fachamt", "it", "dsb", "isb", "kasse", "redaktion"}
    of_team = {"team", "colleague", "supervisor"}
    by_id = {identity: name for name, identity in world.ids.items()}
    for who, expected in {
        "digi": of_town | of_team,
        "stranger": {"stranger"} | of_team,
        "team": of_town | of_team | {"stranger", "helper"},
        "supervisor": of_town | of_team | {"stranger", "helper"},
        "other_team": {"other_team"},
        "office": {"office", "other_team"} | of_team,
        "auditor": {"auditor", "office", "other_team"} | of_team,
        "operator": {"operator"},
        "admin": set(world.ids),
    }.items():
        assert {by_id[one] for one in ids(world, who, "people") if one in by_id} == expected, who


def test_an_address_is_shown_and_found_only_by_who_sees_it_anyway(town_hall: World) -> None:
    world = town_hall
    for who, sees in {"digi": True, "team": True, "admin": True}.items():
        (hit,) = found(world, who, "amv@mainz-bingen.example").people.hits
        assert (hit.email == "amv@mainz-bingen.example") == sees
        assert [(role.title.de, role.place) for role in hit.roles] == [("Fachamt", "Landkreis Mainz-Bingen")]
    assert found(world, "stranger", "Supervisor").people.hits[0].email is None
    assert found(world, "stranger", "supervisor@startklar.example").people.hits == ()
    assert found(world, "office", "Supervisor").people.hits[0].email is None
    assert found(world, "office", "amv@mainz-bingen.example").shown == 0


def test_umlauts_and_sharp_s_are_found_however_they_are_spelled(town_hall: World) -> None:
    for text in ("Müller-Voß", "mueller-voss", "muller voss", "MÜLLER", "ahrenfried", "aehrenfried", "Mu\u0308ller"):
        assert [hit.name for hit in found(town_hall, "digi", text).people.hits] == ["Ährenfried Müller-Voß"], text


def test_everything_is_found_by_its_names(town_hall: World) -> None:
    world = town_hall

    def bodies(text: str) -> list[str]:
        return [hit.name for hit in found(world, "digi", text).bodies.hits]

    assert "Landkreis Südliche Weinstraße" in bodies("suedliche weinstrasse")
    assert bodies("sudliche weinstr lk") == ["Landkreis Südliche Weinstraße"]
    assert bodies(TOWN) == ["Landkreis Mainz-Bingen"]
    with world.look() as work:
        place = work.session.execute(sa.select(Body.seat, Body.postcode).where(Body.ars == TOWN)).one()
    assert "Landkreis Mainz-Bingen" in bodies(place.seat)
    assert "Landkreis Mainz-Bingen" in bodies(place.postcode)
    assert [hit.key for hit in found(world, "digi", "unterhaltsvor").services.hits] == ["uvg"]
    assert [hit.key for hit in found(world, "digi", "housing benefit").services.hits] == ["wohngeld"]
    assert [hit.number for hit in found(world, "office", "Mainz Wohngeld").cases.hits] == ["wohngeld-07339-1"]
    assert {hit.number for hit in found(world, "office", "wohngeld-073").cases.hits} == {
        "wohngeld-07339-1",
        "wohngeld-07319-1",
    }
    for text in ("gebuehrensatzung grossmaischeid", "Gebührensatzung", "100%", "gebuhrensatzung_"):
        (hit,) = found(world, "team", text).documents.hits
        assert (hit.document.name, hit.body_name) == (
            "Gebührensatzung_Großmaischeid 100%.pdf",
            "Landkreis Mainz-Bingen",
        )


def test_the_list_behind_a_search_holds_what_the_search_found(town_hall: World) -> None:
    for who in ("office", "team", "digi"):
        for text in ("mainz", "wohngeld-073", "lk wohngeld", "55", "suedliche"):
            hits = [hit.number for hit in found(town_hall, who, text).cases.hits if hit.mine]
            with town_hall.look(who) as work:
                listed = [line.number for line in case_list.cases(work, Filters(text=text)).lines]
            assert listed[: len(hits)] == hits, (who, text)


STRANGE = (
    "", " ", "a", "%", "%%", "__", "\\\\", "''", '"x', "'; drop table cases; --", "🙂🙂", "\u0308\u0308", "x" * 10_000,
    "ä" * 10_000, "a b c d e f g h i", "-1", "wohngeld-", "wohngeld--1", "wohngeld-07339-", "../../etc", "\t\n\r",
)  # fmt: skip


def test_no_search_is_too_strange(town_hall: World) -> None:
    for text in STRANGE:
        for who in ("office", "digi", "admin"):
            answer = found(town_hall, who, text)
            assert answer.exact is None
            assert len(answer.text) <= 100
            if text.strip("_\\'\" \t\n\r") == "" and text != "__":
                assert answer.shown == 0, text


def test_a_search_takes_few_statements_whoever_asks(town_hall: World) -> None:
    for who in EVERYBODY:
        for text in ("wohngeld mainz", "lk", "pdf", "wohngeld-0733", "elster", "a b c d e f", "07339"):
            with counted(town_hall) as sent, town_hall.look(who) as work:
                search.search(work, text)
            assert len(sent) <= 10, (who, text, len(sent))
