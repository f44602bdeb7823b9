"""The example: made-up people of real places, eighteen months of a programme, and its Wohngeld cases just opened."""

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from workflow import (
    access,
    announcements,
    cases,
    database,
    drafts,
    feedback,
    history_checks,
    loading,
    meetings,
    onboarding,
    people,
    rehearsal,
    replies,
    sessions,
    settings,
    start,
    texts,
    trainings,
    views,
)
from workflow.engine import SYSTEM, Engine, Work
from workflow.errors import AlreadyOpen, Refused
from workflow.policy import Role
from workflow.queries import case_list, deadlines, reply
from workflow.queries.deadlines import Deadline

SERVICE = "wohngeld"
PASSWORD = "startklar-demo"  # noqa: S105 -- printed for everybody to use, on purpose
BERLIN = ZoneInfo("Europe/Berlin")
MONTHS = 18
CASES = 70
"""Played before the demo begins; the time this takes is the time a newcomer waits."""
SEED = 11
SINCE_TALK = dt.timedelta(days=21)
ANNOUNCED = (
    "Sprechstunde zur Anbindung",
    "Jeden Dienstag um 10 Uhr beantworten wir Ihre Fragen zur Anbindung. Eine Anmeldung brauchen Sie nicht.\n\n"
    "Ihr Programmbüro",
)
"""When the team last spoke with the town, and what the office tells: the title and the text."""
TRAINED_AFTER = 15
TRAINED = {
    "title_de": "Fragen zum Wohngeld",
    "title_en": "Questions on Wohngeld",
    "begins_at": "9:30",
    "place": "online",
}
"""A training of the office, and the working days until then."""

WISH = "Beispiel: Wir können im Frühjahr anfangen. Das Fachverfahren ist schon auf dem neuesten Stand."
BEGUN = "Guten Tag Herr Sommer, welche Stelle bei Ihnen kümmert sich künftig um"
"""What the town asks for, and a sentence of the team that is not finished and not sent."""
BARRIER = "Beispiel: Auf dem Telefon finde ich die Liste meiner Aufgaben erst nach langem Suchen."
"""What somebody of the town wrote to those who run the installation."""
OWN_VIEW = ("cases", "overdue=yes&sort=due&column=due&column=next&column=changed", "Was mir davonläuft")
TEAM_VIEW = ("board", "left=yes", "Was noch läuft")
"""What somebody of the team looks at every day, and what the whole team does: page, address, name."""

GONE = "digital-alt@worms.example"
"""The mail catcher does not know this address, so that a mail that cannot be delivered is there to be seen."""

INVITED = "neu@ingelheim.example"
"""Somebody the town has invited and who has not come yet."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody works, and their mail domain there."""

    name: str
    domain: str
    body: str | None = None
    district: str | None = None
    """Stands for the team that looks after this district."""
    operator: bool = False
    """Stands for the operator of the service."""


@dataclass(frozen=True, slots=True)
class Someone:
    """A made-up person with roles at one place."""

    mailbox: str
    name: str
    place: Place
    roles: tuple[str, ...]
    language: str = "de"


INGELHEIM = Place("Stadt Ingelheim am Rhein", "ingelheim.example", body="073390030030")
WORMS = Place("Stadt Worms", "worms.example", body="073190000000")
TEAM = Place("Umsetzungsteam Mitte", "umsetzung.example", district="073390000000")
OTHER_TEAM = Place("Umsetzungsteam Nord", "umsetzung.example", district="071370000000")
OPERATOR = Place("Dataport", "betreiber.example", operator=True)
LAND = Place("Rheinland-Pfalz", "programm.example")

# Every role is there; towns of this size let one person do two of them. Worms and the team of the north are strangers
# to Ingelheim: what they must not see can be tried with them.
PEOPLE = (
    Someone("leitung", "Renate Winzer", INGELHEIM, ("leitung",)),
    Someone("digi", "Tarik Sommer", INGELHEIM, ("digi",)),
    Someone("fachamt", "Jana Rebstock", INGELHEIM, ("fachamt",)),
    Someone("it", "Milan Kabel", INGELHEIM, ("it",)),
    Someone("datenschutz", "Petra Siegel", INGELHEIM, ("dsb", "isb")),
    Someone("kasse", "Olaf Taler", INGELHEIM, ("kasse",)),
    Someone("redaktion", "Selin Feder", INGELHEIM, ("redaktion",)),
    Someone("digi", "Wanda Domstein", WORMS, ("digi",)),
    Someone("digital-alt", "Uwe Nibelung", WORMS, ("digi",)),
    Someone("team", "Karla Lotse", TEAM, ("umsetzungsteam",)),
    Someone("kollege", "Ben Anker", TEAM, ("umsetzungsteam",)),
    Someone("aufsicht", "Doris Kompass", TEAM, ("supervisor",)),
    Someone("nord", "Henning Förde", OTHER_TEAM, ("umsetzungsteam",)),
    Someone("rollout", "Lena Kanal", OPERATOR, ("rollout_team",)),
    Someone("programm", "Johann Fahrplan", LAND, ("programme_office",)),
    Someone("revision", "Agnes Auditor", LAND, ("auditor",), language="en"),
    Someone("admin", "Yusuf Schalter", LAND, ("admin",)),
)


def make(surroundings: Mapping[str, str]) -> list[dict[str, Any]]:
    """Make a new installation and answer its accounts. Its clock is manual and begins eighteen months ago."""
    configured = settings.read(surroundings)
    start.init(configured, clock="manual", now=_morning(MONTHS), example=True)
    engine = start.engine(configured)
    try:
        loading.load(engine, configured.definitions)
        password_hash = sessions.hash_password(PASSWORD)  # one for all: it is known anyway
        with engine.change(SYSTEM) as work:
            accounts = [_add(work, someone, password_hash) for someone in PEOPLE]
    finally:
        engine.close()
    return accounts


def play(surroundings: Mapping[str, str], progress: Callable[[int], None], *, most: int | None = None) -> None:
    """Play cases up to this morning, and open the Wohngeld cases then, so that one can be walked from its
    beginning. `progress` hears how many more of `days()` are over."""
    engine = start.engine(settings.read(surroundings))
    try:
        until = _morning(0).astimezone(BERLIN).date()
        rehearsal.rehearse(engine, most=most or CASES, until=until, seed=SEED, without={SERVICE}, progress=progress)
        _open_cases(engine)
        _promise(engine)
        _ask(engine)
        _talk(engine)
        _invite(engine)
        _leave_traces(engine)
    finally:
        engine.close()


def days() -> int:
    """How many days are played."""
    return (_morning(0) - _morning(MONTHS)).days


def renew(surroundings: Mapping[str, str]) -> None:
    """Bring an installation of an earlier start up to what this program and its definitions are now."""
    configured = settings.read(surroundings)
    database.upgrade(configured.database_url)
    engine = start.engine(configured)
    try:
        loading.load(engine, configured.definitions)
    finally:
        engine.close()


def _morning(months_ago: int) -> dt.datetime:
    """Eight in the morning, on the first day of that month or today."""
    morning = database.real_now().astimezone(BERLIN).replace(hour=8, minute=0, second=0, microsecond=0)
    if months_ago:
        years, month = divmod(morning.year * 12 + morning.month - 1 - months_ago, 12)
        morning = morning.replace(year=years, month=month + 1, day=1)
    return morning.astimezone(dt.UTC)


def _add(work: Work, someone: Someone, password_hash: str) -> dict[str, Any]:
    """One account, as demo.json tells it; `shown` is for the terminal."""
    roles = [_role(work, someone.place, name) for name in someone.roles]
    person = people.add(
        work,
        email=f"{someone.mailbox}@{someone.place.domain}",
        name=someone.name,
        password_hash=password_hash,
        language=someone.language,
        roles=roles,
    )
    return {
        "email": person.email,
        "password": PASSWORD,
        "name": person.name,
        "roles": list(someone.roles),
        "body": someone.place.body,
        "team": roles[0].team,
        "language": person.language,
        "shown": {
            "place": someone.place.name,
            **{language: _shown(work, language, someone) for language in texts.LANGUAGES},
        },
    }


def _role(work: Work, place: Place, name: str) -> Role:
    """The role at the place, with the team or operator that the programme names for it."""
    if place.district is not None:
        teams = work.catalogue.programme.teams
        return Role(name, team=next(key for key, team in teams.items() if place.district in team.districts))
    if place.operator:
        return Role(name, operator=work.catalogue.service(SERVICE).operator)
    return Role(name, body=place.body)


def _shown(work: Work, language: str, someone: Someone) -> str:
    return ", ".join(texts.title(language, work.catalogue.programme.roles[name].title) for name in someone.roles)


def _open_cases(engine: Engine) -> None:
    """Open the service for every body responsible, as the programme office does."""
    office = next(someone for someone in PEOPLE if "programme_office" in someone.roles)
    who = _account(engine, office)
    with engine.read(who) as work:
        planned = cases.plan(work, [SERVICE])
    for result in cases.open_planned(engine, who, planned):
        if result.refused is not None:
            raise result.refused


def _promise(engine: Engine) -> None:
    """The team promises a date for one thing that waits for others, as somebody does who has asked there."""
    who = _account(engine, next(someone for someone in PEOPLE if someone.place is TEAM))
    with engine.read(who) as work:
        ahead = [one for one in deadlines.deadlines(work, _role(work, TEAM, "umsetzungsteam").team) if not one.overdue]
        promises = ((one, _promise_of(work, one)) for one in ahead)
        found = next(((one, on) for one, on in promises if on is not None), None)
    if found is not None:
        with engine.change(who) as work:
            replies.promise(work, found[0].kind, found[0].id, found[1])


def _invite(engine: Engine) -> None:
    """The town has just invited somebody: the mail with the link waits in the mail catcher to be tried."""
    digi = next(someone for someone in PEOPLE if someone.place is INGELHEIM and "digi" in someone.roles)
    with engine.change(_account(engine, digi)) as work:
        head = access.Letterhead.of(engine.settings)
        access.invite(work, INVITED, _role(work, INGELHEIM, "fachamt"), head=head, name="Nora Neuland")


def _promise_of(work: Work, one: Deadline) -> dt.date | None:
    """A week after it is due, where that can be promised."""
    offer = reply.matter(work, one.kind, one.id).offer
    on = work.catalogue.calendar.add(one.due_on, 5)
    return on if offer is not None and offer.promise_until is not None and on <= offer.promise_until else None


def _ask(engine: Engine) -> None:
    """The town asks for the first service it has no case of, so that there is a request to answer."""
    who = _account(engine, next(one for one in PEOPLE if one.place is INGELHEIM and "digi" in one.roles))
    with engine.read(who) as work:
        services = tuple(dict.fromkeys((*work.catalogue.programme.priorities, *work.catalogue.services)))
    for service in services:
        with suppress(AlreadyOpen, Refused), engine.change(who) as work:
            onboarding.ask(work, service, INGELHEIM.body or "", WISH)
            return


def _talk(engine: Engine) -> None:
    """The team spoke with the town some weeks ago, and the office has something to tell the towns of its district."""
    with engine.change(_account(engine, next(one for one in PEOPLE if one.place is TEAM))) as work:
        meetings.hold(work, INGELHEIM.body or "", work.today - SINCE_TALK)
    office = next(one for one in PEOPLE if "programme_office" in one.roles)
    with engine.change(_account(engine, office)) as work:
        towns = announcements.choose(work, announcements.Chosen(district=TEAM.district)).bodies
        announcements.send(work, [one.ars for one in towns], *ANNOUNCED)


def _leave_traces(engine: Engine) -> None:
    """A training is planned, views are kept, a sentence is begun, a barrier told, and history checked."""
    team, town, office, admin = (
        _account(engine, next(one for one in PEOPLE if one.roles == roles))
        for roles in (("umsetzungsteam",), ("leitung",), ("programme_office",), ("admin",))
    )
    with engine.change(office) as work:
        held_on = work.catalogue.calendar.add(work.today, TRAINED_AFTER)
        trainings.plan(work, {**TRAINED, "held_on": held_on.isoformat()}, service=SERVICE)
    with engine.change(team) as work:
        for (page, query, title), given_to in ((OWN_VIEW, None), (TEAM_VIEW, _role(work, TEAM, "umsetzungsteam").team)):
            views.keep(work, page=page, query=query, title=title, team=given_to)
        [case_id] = case_list.ids(work, case_list.Filters(service=SERVICE, body=INGELHEIM.body), most=1)
        drafts.keep(work, f"case:{case_id}:comment", {"comment-text": BEGUN})
    feedback.give(engine, town, "accessibility", BARRIER, page="/")
    with engine.change(admin) as work:
        history_checks.start(work)  # the scheduler, which starts after this, does it


def _account(engine: Engine, someone: Someone) -> UUID:
    return people.by_email(engine, f"{someone.mailbox}@{someone.place.domain}")
