"""Weeks of reminders against a real mail server: each morning what the clerk expects, no more and no less."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

import psycopg
import sqlalchemy as sa
from psycopg import sql

from tests.postgres import Cluster
from tests.reminding import almanac
from tests.reminding.expected import Clerk, Reminder
from tests.reminding.town_hall import TownHall, build
from tests.smtp import MailServer, Received
from workflow import ticking
from workflow.models import Decision, Event, Message, Notice, Reply

MOST_A_DAY = 4
SPRING, AUTUMN = dt.date(2028, 3, 20), dt.date(2028, 10, 9)
"""60 working days from each on there is a change of the clock, and holidays that move or not, up to New Year."""


@dataclass
class Counted:
    """What a run came to."""

    reminders: int = 0
    mails: int = 0
    mornings: int = 0
    most_a_day: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.reminders} reminders on {self.mornings} mornings, {self.mails} mails, at most {self.most_a_day} "
            "a day: " + ", ".join(f"{what} {n}" for what, n in (self.steps + self.replies).most_common())
        )


def weeks(
    url: str, data: Path, *, begins: dt.date, working_days: int, cases: int, seed: int, smtp: MailServer
) -> Counted:
    """Let days pass, weekends and holidays too, and hold everything against the clerk and the mail server's records."""
    hall = build(url, data, begins=almanac.at(begins, 6), many=cases, seed=seed, smtp_url=smtp.url)
    clerk, counted = Clerk(hall.ladders(), hall.people), Counted()
    day, before, passed = begins, almanac.at(begins, 6), 0
    try:
        while passed < working_days:
            now = almanac.at(day, 7)
            hall.clock(now)
            due = clerk.look(hall.things(), now, before) if almanac.is_mail_day(day) else []
            before = now if almanac.is_mail_day(day) else before
            ticking.tick(hall.world.engine, worker="morning")
            compare(hall, due, now)
            counted.reminders += len(due)
            counted.mornings += bool(due)
            counted.steps.update(one.step for one in due)
            if almanac.is_working_day(day):
                passed += 1
                hall.clock(almanac.at(day, 10))
                hall.live_a_day(cases // 4)
            for hour in (12, 15, 20):
                hall.clock(almanac.at(day, hour))
                ticking.tick(hall.world.engine, worker="later")
                compare(hall, [], almanac.at(day, hour))
            day += dt.timedelta(days=1)
        delivered(hall, smtp.received)
        counted.mails = len(smtp.received)
        with hall.world.look() as work:
            counted.replies.update(work.session.execute(sa.select(Reply.kind)).scalars())
        counted.most_a_day = max(per_day(smtp.received).values())
    finally:
        hall.world.engine.close()
    return counted


def compare(hall: TownHall, due: Sequence[Reminder], now: dt.datetime) -> None:
    """What was decided at this instant is what the clerk expects, for whom she expects it."""
    with hall.world.look() as work:
        rows = work.session.execute(
            sa.select(Decision.__table__).where(Decision.decided_at == now, Decision.outcome != "skipped")
        ).all()
        told: dict[tuple[str, UUID], set[UUID]] = {}
        entries = sa.select(Event.content).where(Event.at == now, Event.act.in_(("reminded", "review_reminded")))
        for content in work.session.execute(entries).scalars():
            said = json.loads(content)
            place = said["subject"]["kind"], UUID(said["subject"]["id"])
            told.setdefault(place, set()).update(map(UUID, said["recipients"]))
    decided = {
        Reminder(
            row.subject_kind,
            row.subject_id,
            row.generation,
            row.rung,
            row.occurrence,
            frozenset(told.get((row.subject_kind, row.subject_id), ())),
        )
        for row in rows
    }
    if decided != set(due) or len(rows) != len(due):
        missing, more = set(due) - decided, decided - set(due)
        raise AssertionError(
            f"{now}: missing {list(missing)[:3]} ({len(missing)}), not due {list(more)[:3]} ({len(more)})"
        )


def delivered(hall: TownHall, received: Sequence[Received]) -> None:
    """All that was decided reached the mail server once, in the morning of its day; nobody got too much."""
    ids = [str(mail.message["Message-ID"]) for mail in received]
    assert len(ids) == len(set(ids)), "a mail came twice"
    arrived = {str(mail.message["Message-ID"]): mail for mail in received}
    for mail in received:
        local = sent_at(mail)
        assert almanac.is_mail_day(local.date()), f"a mail on {local}"
        assert almanac.MORNING <= local.time() < dt.time(18), f"a mail at {local}"
    assert max(per_day(received).values()) <= MOST_A_DAY
    with hall.world.look() as work:
        rows = work.session.execute(
            sa.select(Notice.recipient_id, Notice.created_at, Message.header_id)
            .outerjoin(Message, Message.id == Notice.message_id)
            .where(Notice.urgency > 0)
        ).all()
    for row in rows:
        assert row.header_id in arrived, f"a reminder of {row.created_at} was never sent"
        mail = arrived[row.header_id]
        assert mail.recipients == (hall.addresses[row.recipient_id],)
        assert sent_at(mail) == row.created_at, f"decided at {row.created_at}, told at {sent_at(mail)}"


def sent_at(mail: Received) -> dt.datetime:
    """The instant a mail bears, in Mainz."""
    return parsedate_to_datetime(str(mail.message["Date"])).astimezone(almanac.BERLIN)


def per_day(received: Sequence[Received]) -> Counter[tuple[str, dt.date]]:
    """How many mails somebody got on a day."""
    return Counter((mail.recipients[0], sent_at(mail).date()) for mail in received)


def prove(tell: Callable[[str], None] = print) -> None:
    """Both runs of sixty working days with 200 cases, side by side, one on each database, with a copy under load each;
    then the same days in chaos."""
    from tests.reminding import chaos

    with Cluster(durable=True) as cluster, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)

        def database(name: str) -> str:
            with psycopg.connect(cluster.url(), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            return cluster.url(name)

        begins, places = (SPRING, AUTUMN), [home / "spring", home / "autumn"]
        long = f"sqlite:///{home / 'spring.db'}", database("autumn")
        copied = f"sqlite:///{home / 'copied.db'}", database("copied")
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
            for said in processes.map(_in_calm, begins, long, copied, places):
                for line in said:
                    tell(line)
        data = home / "chaos"
        data.mkdir()
        url = database("chaos")
        chaos.weeks(url, data, begins=SPRING, working_days=60, cases=200, seed=5, cluster=cluster, tell=tell)


def _in_calm(begins: dt.date, url: str, copied: str, data: Path) -> list[str]:
    """Sixty working days on one database and a copy of another under load; what was seen."""
    from tests.reminding import copies

    smtp, said = MailServer(), []
    smtp.start()
    try:
        counted = weeks(url, _made(data), begins=begins, working_days=60, cases=200, seed=begins.toordinal(), smtp=smtp)
    finally:
        smtp.stop()
    said.append(f"sixty working days from {begins}: {counted}")
    copies.taken_under_load(copied, _made(data / "copy"), begins=SPRING, cases=100, seed=4, tell=said.append)
    return said


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
