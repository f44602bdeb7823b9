"""The same weeks while schedulers are killed, the database is restarted and the mail server has its moods."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import sqlalchemy as sa
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy.exc import OperationalError

from tests.postgres import Cluster
from tests.reminding import almanac
from tests.reminding.expected import Clerk, Reminder
from tests.reminding.proof import MOST_A_DAY, compare, per_day, sent_at
from tests.reminding.town_hall import TownHall, build
from tests.smtp import MailServer
from workflow.errors import Busy
from workflow.models import Followup, Hold, Message, Milestone, Notice, Person, Prerequisite, Task

Answer = TypeVar("Answer")
_PATIENCE_SECONDS = 120.0
STALL_SECONDS = 25
"""Longer than the sender waits for an answer."""


class MoodyMailServer(MailServer):
    """A mail server that refuses for now or for good, hangs, or hangs up: before it kept the mail, and after."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._draw = Random(seed)
        self.calm = False
        self.moods: dict[str, int] = {}

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Sometimes not now."""
        if self._feels("451 at the recipient", 0.03):
            return "451 greylisted, come again"
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Sometimes not now, never, or no answer at all."""
        if self._feels("452 at the content", 0.03):
            return "452 no room just now"
        if self._feels("hangs", 0.004):
            await asyncio.sleep(STALL_SECONDS)
        if self._feels("hangs up before", 0.02):
            return self._hang_up(server)
        answer = await super().handle_DATA(server, session, envelope)
        if self._feels("hangs up after", 0.02):
            return self._hang_up(server)
        return answer

    def _feels(self, mood: str, often: float) -> bool:
        if self.calm or self._draw.random() >= often:
            return False
        self.moods[mood] = self.moods.get(mood, 0) + 1
        return True

    @staticmethod
    def _hang_up(server: SMTP) -> str:
        if isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "421 gone"


@dataclass
class Trouble:
    """Schedulers that are killed in turn and replaced, and a database that goes away now and then."""

    surroundings: dict[str, str]
    draw: Random
    log: Path
    cluster: Cluster | None = None
    kills: int = 0
    restarts: int = 0
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def going_on(self, schedulers: int) -> Iterator[None]:
        """So many schedulers, and trouble until the block ends; after it nothing runs any more."""
        self._running = [self._one() for _ in range(schedulers)]
        maker = threading.Thread(target=self._make, daemon=True)
        maker.start()
        try:
            yield
        finally:
            self._ended.set()
            maker.join(60)
            for process in self._running:
                process.kill()
                process.wait(30)

    def enough(self) -> None:
        """From now on nobody is killed and nothing goes away."""
        self._ended.set()

    def __str__(self) -> str:
        return f"{self.kills} schedulers killed, {self.restarts} restarts of the database"

    def _make(self) -> None:
        until_restart = self._pause(15, 30)
        while not self._ended.wait(self._pause(1, 4)):
            place = self.draw.randrange(len(self._running))
            self._running[place].kill()
            self._running[place].wait(30)
            self._running[place] = self._one()
            self.kills += 1
            if self.cluster is not None and time.monotonic() > until_restart:
                self.cluster.restart(crash=self.draw.random() < 0.5)
                self.restarts += 1
                until_restart = time.monotonic() + self._pause(15, 30)

    def _pause(self, least: float, most: float) -> float:
        return least + (most - least) * self.draw.random()

    def _one(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen([sys.executable, "-m", "scheduler"], env=self.surroundings, stdout=out, stderr=out)


def weeks(
    url: str,
    data: Path,
    *,
    begins: dt.date,
    working_days: int,
    cases: int,
    seed: int,
    schedulers: int = 4,
    cluster: Cluster | None = None,
    skipped: int = 0,
    to_the_end: bool = True,
    tell: Callable[[str], None] = print,
) -> int:
    """Days pass; each morning the clerk's list is decided once, whoever dies meanwhile, and every mail arrives.

    The first working days after opening may be skipped (`skipped`): nothing is due then. A mail that was claimed by
    somebody who died comes some minutes later; they are waited for `to_the_end`. Gives how many reminders there were.
    """
    smtp = MoodyMailServer(seed)
    smtp.start()
    hall = build(url, data, begins=almanac.at(begins, 6), many=cases, seed=seed, smtp_url=smtp.url)
    gone = min(hall.people["umsetzungsteam", hall.teams()[0]], key=hall.addresses.__getitem__)
    smtp.refuse(hall.addresses[gone])
    surroundings = os.environ | {
        "STARTKLAR_DATABASE_URL": url,
        "STARTKLAR_DATA": str(data),
        "STARTKLAR_SMTP_URL": smtp.url,
        "STARTKLAR_TICK_SECONDS": "0.3",
    }
    trouble = Trouble(surroundings, Random(seed), data / "schedulers.log", cluster)
    clerk = Clerk(hall.ladders(), hall.people)
    day, before, passed, reminders = almanac.add(begins, skipped), almanac.at(begins, 6), 0, 0
    try:
        with trouble.going_on(schedulers):
            while passed < working_days:
                patiently(partial(_insist_followed, hall))
                now = almanac.at(day, 7)
                due: list[Reminder] = []
                if almanac.is_mail_day(day):
                    due, before = clerk.look(patiently(hall.things), now, before), now
                reminders += len(due)
                patiently(partial(hall.clock, now))
                patiently(partial(_insist_settled, hall, now))
                patiently(partial(compare, hall, due, now))
                if almanac.is_working_day(day):
                    passed += 1
                    patiently(partial(hall.clock, almanac.at(day, 10)))
                    with contextlib.suppress(OperationalError, Busy):
                        hall.live_a_day(cases // 8)
                    if passed % 10 == 0:
                        tell(f"{passed} days, {reminders} reminders, {trouble}")
                day += dt.timedelta(days=1)
            trouble.enough()
            smtp.calm = True
            if to_the_end:
                patiently(partial(_insist_sent, hall), seconds=900)
        _insist_delivered(hall, smtp, to_the_end=to_the_end)
        copies = len(smtp.received) - len({str(mail.message["Message-ID"]) for mail in smtp.received})
        tell(
            f"{reminders} reminders in {passed} working days, {len(smtp.received)} mails, {copies} of them once more; "
            f"{trouble}; the mail server: {smtp.moods}"
        )
        return reminders
    finally:
        smtp.stop()
        hall.world.engine.close()


def patiently(do: Callable[[], Answer], *, seconds: float = _PATIENCE_SECONDS) -> Answer:
    """Do it again until the database is there and what is waited for has come about."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            return do()
        except (OperationalError, Busy, NotYet) as error:
            if time.monotonic() > give_up:
                raise AssertionError(f"nothing happens any more: {error}") from error
            time.sleep(0.1)


class NotYet(Exception):
    """Something is still to be done."""


def _insist_followed(hall: TownHall) -> None:
    """What followed from the deeds of the day has been done."""
    with hall.world.look() as work:
        todo = sa.select(sa.func.count()).where(Followup.try_at.is_not(None))
        if waiting := work.session.execute(todo).scalar_one():
            raise NotYet(f"{waiting} cases are still to learn something")


def _insist_settled(hall: TownHall, now: dt.datetime) -> None:
    """Nothing is due any more, and everything decided this morning has become a mail."""
    with hall.world.look() as work:
        for model in (Task, Prerequisite, Hold, Milestone):
            due = work.session.execute(sa.select(sa.func.count()).where(model.remind_at <= now)).scalar_one()
            if due:
                raise NotYet(f"{due} {model.__tablename__} rows are due")
        pending = sa.select(sa.func.count()).where(Notice.message_id.is_(None), Notice.try_at <= now)
        if waiting := work.session.execute(pending).scalar_one():
            raise NotYet(f"{waiting} notices are no mails yet")


def _insist_sent(hall: TownHall) -> None:
    with hall.world.look() as work:
        queued = sa.select(sa.func.count()).where(Message.status == "queued")
        if waiting := work.session.execute(queued).scalar_one():
            raise NotYet(f"{waiting} mails are still to be sent")


def _insist_delivered(hall: TownHall, smtp: MailServer, *, to_the_end: bool) -> None:
    """Every reminder arrived, perhaps more than once but always as the same mail; who cannot be reached is known."""
    arrived: dict[str, Any] = {}
    for mail in smtp.received:
        same = arrived.setdefault(str(mail.message["Message-ID"]), mail)
        assert (same.text, same.recipients) == (mail.text, mail.recipients), "two mails under one Message-ID"
        assert almanac.is_mail_day(sent_at(mail).date()), f"a mail on {sent_at(mail)}"
    assert max(per_day(list(arrived.values())).values(), default=0) <= MOST_A_DAY
    with hall.world.look() as work:
        rows = work.session.execute(
            sa.select(Notice.recipient_id, Notice.created_at, Message.header_id, Message.status)
            .outerjoin(Message, Message.id == Notice.message_id)
            .where(Notice.urgency > 0)
        ).all()
        unreachable = set(work.session.execute(sa.select(Person.id).where(Person.bounced_at.is_not(None))).scalars())
    refused = {hall.addresses[person] for person in hall.addresses} & set(smtp.refused)
    assert {hall.addresses[person] for person in unreachable} <= refused, "an address is marked that is good"
    for row in rows:
        assert row.status in ("sent", "failed", "queued")[: 2 if to_the_end else 3], f"{row.created_at}: {row.status}"
        if row.status == "sent":
            assert row.header_id in arrived, f"a reminder of {row.created_at} was never received"
        elif row.status == "failed":
            assert row.recipient_id in unreachable, "a mail failed although its address is good"
