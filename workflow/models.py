"""The tables, each described once; rows carry almost no behaviour and never leave `workflow`.

Dates are days in Europe/Berlin, instants are UTC. Everything a guard, a list or a reminder asks for is a column.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[dt.datetime]):
    """An aware instant, kept in UTC on both databases; SQLite itself knows no time zones."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        value = value.astimezone(dt.UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: dt.datetime | None, _dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


Id = Annotated[UUID, mapped_column(Uuid, primary_key=True, default=uuid4)]
Ars = Annotated[str, mapped_column(String(12))]
Word = Annotated[str, mapped_column(String(80))]
Digest = Annotated[str, mapped_column(String(64))]
Sorted = Annotated[str, mapped_column(Text().with_variant(Text(collation="C"), "postgresql"))]
"""A key of `texts`, in the order of its code points whatever collation the database has: as SQLite sorts anyway."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - read once by SQLAlchemy
        UUID: Uuid,
        dt.datetime: Instant,
        str: Text,
        float: Float,
    }


# --- the installation and what it was told ---------------------------------------------------------------------------


class Installation(Base):
    """One row: what kind of installation this is. The clock's kind never changes."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    clock: Mapped[Word]
    clock_now: Mapped[dt.datetime | None]
    example: Mapped[bool] = mapped_column(Boolean, server_default=false())
    rehearsing: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """A rehearsal moves the clock just now: mails are kept and not delivered."""
    link_key: Mapped[str]
    """What links in mails are signed with; made by `init`, it never leaves the database."""
    definitions_revision: Mapped[int] = mapped_column(default=0)
    recurred_on: Mapped[dt.date | None]
    """The last day of the process on which all that recurs was looked through."""
    created_at: Mapped[dt.datetime]


class Definition(Base):
    """One loaded definition: a process version (never changed in meaning), or the newest of everything else."""

    __tablename__ = "definition"

    kind: Mapped[Word] = mapped_column(primary_key=True)
    name: Mapped[Word] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[Digest]
    content: Mapped[str]
    loaded_at: Mapped[dt.datetime]


class Body(Base):
    """A Kommune: Landkreis, kreisfreie Stadt, verbandsfreie Gemeinde or Verbandsgemeinde."""

    __tablename__ = "body"

    ars: Mapped[Ars] = mapped_column(primary_key=True)
    ags: Mapped[str | None] = mapped_column(String(8))
    kind: Mapped[Word]
    name: Mapped[str]
    display_name: Mapped[str]
    sort_key: Mapped[Sorted] = mapped_column(index=True)
    search_key: Mapped[Sorted] = mapped_column(server_default="")
    """As `texts.search_key` writes the name, the kind, the seat and its postcode."""
    district: Mapped[Ars] = mapped_column(index=True)
    """ARS of the Landkreis; a kreisfreie Stadt is its own district."""
    seat: Mapped[str | None]
    postcode: Mapped[str | None] = mapped_column(String(5))
    population: Mapped[int | None]
    area_km2: Mapped[float | None]
    municipalities: Mapped[int | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    valid_from: Mapped[dt.date | None]
    valid_until: Mapped[dt.date | None]
    successor: Mapped[str | None] = mapped_column(String(12), ForeignKey("body.ars"))
    """Which body its open cases go to, confirmed by a person when it ended."""


class LandEdition(Base):
    """As of which day the bodies of a Land are: that of the last official list they followed, or of the definitions."""

    __tablename__ = "land_edition"

    land: Mapped[str] = mapped_column(String(2), primary_key=True)
    date: Mapped[dt.date]


class Team(Base):
    """An Umsetzungsteam with its supervisors."""

    __tablename__ = "team"

    key: Mapped[Word] = mapped_column(primary_key=True)
    title: Mapped[str]


class TeamDistrict(Base):
    """A district has one team at a time."""

    __tablename__ = "team_district"

    district: Mapped[Ars] = mapped_column(primary_key=True)
    team: Mapped[Word] = mapped_column(ForeignKey("team.key"), index=True)


class TeamService(Base):
    """A service that one team looks after everywhere."""

    __tablename__ = "team_service"

    service: Mapped[Word] = mapped_column(primary_key=True)
    team: Mapped[Word] = mapped_column(ForeignKey("team.key"), index=True)


class Target(Base):
    """A target date of the programme as it was set at one time."""

    __tablename__ = "target"

    due_on: Mapped[dt.date] = mapped_column(primary_key=True)
    set_on: Mapped[dt.date | None]
    reason_de: Mapped[str]
    reason_en: Mapped[str]
    source: Mapped[str | None]
    """Where the definitions found it; null when somebody set it here."""
    number: Mapped[int | None] = mapped_column(unique=True)
    """Counts what was set here; null for what the definitions brought along."""
    set_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class Vendor(Base):
    """A vendor to choose from: of specialist software, of a form server. One that has ended is offered no more."""

    __tablename__ = "vendor"

    key: Mapped[Word] = mapped_column(primary_key=True)
    title: Mapped[str]
    source: Mapped[str | None]
    """Where the definitions, or whoever added it, found it."""
    added_on: Mapped[dt.date | None]
    """Null for what the definitions brought along."""
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    ended_on: Mapped[dt.date | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class Wave(Base):
    """Cases delivered together at one Stichtag. Its chain begins when the Stichtag is first moved."""

    __tablename__ = "wave"

    key: Mapped[Word] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True, default=uuid4)
    title_de: Mapped[str]
    title_en: Mapped[str]
    stichtag: Mapped[dt.date]
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest] = mapped_column(default="0" * 64)


# --- people ----------------------------------------------------------------------------------------------------------


class Person(Base):
    """Somebody with an account. Erasing empties the row and drops the salt of what history committed to."""

    __tablename__ = "person"

    id: Mapped[Id]
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    name: Mapped[str | None]
    search_key: Mapped[Sorted] = mapped_column(server_default="")
    """As `texts.search_key` writes name and address; empty once erased."""
    password: Mapped[str | None]
    language: Mapped[Word] = mapped_column(default="de")
    theme: Mapped[Word] = mapped_column(default="system")
    mail_at: Mapped[str | None] = mapped_column(String(5))
    """When the digest comes (07:00), one of the times the programme offers; null: when the programme reminds."""
    mail_days: Mapped[str | None] = mapped_column(String(5))
    """On which weekdays it comes: digits from 1, Monday, to 5; null: on all of them."""
    mail_asked: Mapped[bool | None]
    """Whether what was just asked of them comes at once; null: as the programme has it."""
    salt: Mapped[str | None] = mapped_column(String(32))
    human_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    """The same for every account of one human being: the account's own id, or that of another one."""
    bounced_at: Mapped[dt.datetime | None]
    """Since when it is known that mail to this address does not arrive; process time."""
    bounce_reason: Mapped[str | None]
    """What the mail server said, without any address."""
    toured_at: Mapped[dt.datetime | None]
    """When the short tour was finished or skipped; real time."""
    created_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]

    __table_args__ = (
        Index(
            "ix_person_bounced",
            "bounced_at",
            postgresql_where=text("bounced_at IS NOT NULL"),
            sqlite_where=text("bounced_at IS NOT NULL"),
        ),
    )


class Grant(Base):
    """A role held by a person: for a body, a service there, a team, an operator, or centrally."""

    __tablename__ = "role_grant"

    id: Mapped[Id]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[Word]
    body: Mapped[str | None] = mapped_column(String(12), ForeignKey("body.ars"))
    service: Mapped[str | None] = mapped_column(String(80))
    team: Mapped[str | None] = mapped_column(String(80), ForeignKey("team.key"))
    operator: Mapped[str | None] = mapped_column(String(80))
    cluster_id: Mapped[UUID | None] = mapped_column(ForeignKey("cluster.id"))
    """Of a co-ordinator's role: the cluster it comes from."""
    started_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]

    __table_args__ = (
        Index(
            "ix_role_grant_body",
            "body",
            "role",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_role_grant_elsewhere",
            "role",
            "operator",
            postgresql_where=text("ended_at IS NULL AND body IS NULL AND team IS NULL"),
            sqlite_where=text("ended_at IS NULL AND body IS NULL AND team IS NULL"),
        ),
        Index(
            "ix_role_grant_team",
            "team",
            "role",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )


class Absence(Base):
    """Somebody is away and somebody else stands in, from the first to the last day; ended early by an earlier last day.

    Entered by who answers for one body or team, it counts there only. Why somebody is away is nobody's business.
    """

    __tablename__ = "absence"

    id: Mapped[Id]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    deputy_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    from_on: Mapped[dt.date]
    until_on: Mapped[dt.date]
    body: Mapped[str | None] = mapped_column(String(12), ForeignKey("body.ars"))
    team: Mapped[str | None] = mapped_column(String(80), ForeignKey("team.key"))


class Cluster(Base):
    """Bodies that act together for some services."""

    __tablename__ = "cluster"

    id: Mapped[Id]
    title: Mapped[str]
    lead: Mapped[Ars] = mapped_column(ForeignKey("body.ars"))
    founded_on: Mapped[dt.date]
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]


class ClusterMember(Base):
    """A body in a cluster, from the day it joined to the day it left."""

    __tablename__ = "cluster_member"

    id: Mapped[Id]
    cluster_id: Mapped[UUID] = mapped_column(ForeignKey("cluster.id"), index=True)
    body: Mapped[Ars] = mapped_column(ForeignKey("body.ars"), index=True)
    joined_on: Mapped[dt.date]
    left_on: Mapped[dt.date | None]


class Delegation(Base):
    """A body acts for another in one service, from the first to the last day; open-ended without one.

    Ended early, or taken back before it began, by an earlier last day.
    """

    __tablename__ = "delegation"

    id: Mapped[Id]
    service: Mapped[Word]
    giver: Mapped[Ars] = mapped_column(ForeignKey("body.ars"), index=True)
    delegate: Mapped[Ars] = mapped_column(ForeignKey("body.ars"), index=True)
    from_on: Mapped[dt.date]
    until_on: Mapped[dt.date | None]
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]


class ClusterService(Base):
    """A service for which a cluster acts together."""

    __tablename__ = "cluster_service"

    id: Mapped[Id]
    cluster_id: Mapped[UUID] = mapped_column(ForeignKey("cluster.id"), index=True)
    service: Mapped[Word]


class Closure(Base):
    """Days on which a body's office is closed, both included: nobody there is mailed. No due date moves by it.

    Taken back or ended early by an earlier last day.
    """

    __tablename__ = "closure"

    id: Mapped[Id]
    body: Mapped[Ars] = mapped_column(ForeignKey("body.ars"), index=True)
    from_on: Mapped[dt.date]
    until_on: Mapped[dt.date]
    entered_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]


class Mailbox(Base):
    """Where mail for a role goes instead of to the persons who hold it: at a body, in a team, or at an operator."""

    __tablename__ = "mailbox"

    id: Mapped[Id]
    body: Mapped[str | None] = mapped_column(String(12), ForeignKey("body.ars"))
    team: Mapped[str | None] = mapped_column(String(80), ForeignKey("team.key"))
    operator: Mapped[str | None] = mapped_column(String(80))
    role: Mapped[Word] = mapped_column(default="")
    """Empty: for all roles there that have none of their own."""
    address: Mapped[str | None] = mapped_column(String(254))
    """Null once it has ended."""
    language: Mapped[Word] = mapped_column(default="de")
    bounced_at: Mapped[dt.datetime | None]
    """Since when it is known that mail to this address does not arrive; process time."""
    bounce_reason: Mapped[str | None]
    ended_on: Mapped[dt.date | None]
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]

    __table_args__ = (
        CheckConstraint("COALESCE(body, team, operator) IS NOT NULL", name="a_place"),
        CheckConstraint(
            "(body IS NULL OR team IS NULL) AND (operator IS NULL OR COALESCE(body, team) IS NULL)", name="one_place"
        ),
        *(
            Index(
                f"ix_mailbox_{place}",
                place,
                "role",
                unique=True,
                postgresql_where=text("ended_on IS NULL"),
                sqlite_where=text("ended_on IS NULL"),
            )
            for place in ("body", "team", "operator")
        ),
    )


class WebSession(Base):
    """A signed-in browser; only the SHA-256 of its token is kept. Times are real, never rehearsed."""

    __tablename__ = "web_session"

    token_digest: Mapped[Digest] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    csrf: Mapped[Digest]
    agent: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    seen_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]


class AccessLink(Base):
    """A link in a mail with which somebody sets a password: invited, or having forgotten it. Times are real.

    Its address is the id, signed (`links`) when the mail is handed to the server: no row of ours holds the secret. It
    is good for one use.
    """

    __tablename__ = "access_link"

    id: Mapped[Id]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    kind: Mapped[Word]
    """invitation or reset."""
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    made_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    used_at: Mapped[dt.datetime | None]
    ended_at: Mapped[dt.datetime | None]
    """When it was withdrawn, or a newer one took its place."""


class Invitation(Base):
    """A role somebody was invited to and has not taken up. Until then it gives no right and brings no mail but its
    own; taken up it becomes a `Grant`, and the row goes."""

    __tablename__ = "invitation"

    id: Mapped[Id]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[Word]
    body: Mapped[str | None] = mapped_column(String(12), ForeignKey("body.ars"), index=True)
    service: Mapped[str | None] = mapped_column(String(80))
    team: Mapped[str | None] = mapped_column(String(80), ForeignKey("team.key"), index=True)
    operator: Mapped[str | None] = mapped_column(String(80))
    invited_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    invited_at: Mapped[dt.datetime]


class Draft(Base):
    """What somebody has typed into a form and not sent yet. Times are real."""

    __tablename__ = "draft"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    form: Mapped[str] = mapped_column(String(160), primary_key=True)
    """Which form: `task:<id>` and the like."""
    values: Mapped[str]
    """JSON of the fields and what stands in them; never a file, never a password."""
    saved_at: Mapped[dt.datetime] = mapped_column(index=True)


class SavedView(Base):
    """A list somebody narrowed, sorted and laid out, kept under a name; of a team, all of it sees it."""

    __tablename__ = "saved_view"

    id: Mapped[Id]
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    team: Mapped[str | None] = mapped_column(String(80), ForeignKey("team.key"), index=True)
    """Null: only its owner's."""
    page: Mapped[Word]
    title: Mapped[str] = mapped_column(String(80))
    address: Mapped[str] = mapped_column(String(2000))
    """The query of its address."""
    created_at: Mapped[dt.datetime]


class Feedback(Base):
    """What somebody wrote to us about the pages, signed in or not. Times are real."""

    __tablename__ = "feedback"

    id: Mapped[Id]
    kind: Mapped[Word]
    """accessibility, fault or other."""
    text: Mapped[str]
    page: Mapped[str | None] = mapped_column(String(300))
    answer_to: Mapped[str | None] = mapped_column(String(254))
    """Where an answer is wished."""
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    given_at: Mapped[dt.datetime] = mapped_column(index=True)
    done_at: Mapped[dt.datetime | None]
    done_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class Feed(Base):
    """A calendar somebody subscribed to: deadlines of the own tasks, or of a team. Times are real.

    Only the SHA-256 of the secret in its address is kept.
    """

    __tablename__ = "feed"

    token_digest: Mapped[Digest] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    team: Mapped[str | None] = mapped_column(String(80), ForeignKey("team.key"))
    """Null: of the person's own tasks."""
    made_at: Mapped[dt.datetime]
    fetched_at: Mapped[dt.datetime | None]
    """When a calendar program last asked for it, to the hour."""
    revoked_at: Mapped[dt.datetime | None]


class LoginAttempt(Base):
    """Failed tries to sign in, counted per account and address; neither is kept in the clear."""

    __tablename__ = "login_attempt"

    key: Mapped[Digest] = mapped_column(primary_key=True)
    failures: Mapped[int]
    blocked_until: Mapped[dt.datetime]
    last_at: Mapped[dt.datetime] = mapped_column(index=True)


class Command(Base):
    """What somebody asked for under a key, and what it came to: asked again, it is not done again. Times are real."""

    __tablename__ = "command"

    actor: Mapped[Word] = mapped_column(primary_key=True)
    """Id of the person, or `operator` for whoever acts at the shell without an account."""
    key: Mapped[Word] = mapped_column(primary_key=True)
    deed: Mapped[Word]
    digest: Mapped[Digest]
    """Of everything that was asked; salted by the key."""
    result: Mapped[str]
    """Canonical JSON of the view the deed gave; empty only inside its transaction."""
    at: Mapped[dt.datetime] = mapped_column(index=True)


# --- cases -----------------------------------------------------------------------------------------------------------


class Case(Base):
    """One service × one responsible body × one round, pinned to a process version."""

    __tablename__ = "cases"

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(120), unique=True)
    service: Mapped[Word]
    body: Mapped[Ars] = mapped_column(ForeignKey("body.ars"))
    round: Mapped[int]
    process: Mapped[Word]
    process_version: Mapped[int]
    state: Mapped[Word]
    version: Mapped[int] = mapped_column(default=1)
    """Raised by transitions, holds and a change of team or body only."""
    team: Mapped[Word] = mapped_column(ForeignKey("team.key"))
    operator: Mapped[str | None] = mapped_column(String(80))
    variant: Mapped[str | None] = mapped_column(String(80))
    wave: Mapped[str | None] = mapped_column(String(80))
    stichtag: Mapped[dt.date | None]
    opened_on: Mapped[dt.date]
    entered_on: Mapped[dt.date]
    live_on: Mapped[dt.date | None]
    closed_on: Mapped[dt.date | None]
    ended_on: Mapped[dt.date | None]
    rests: Mapped[bool] = mapped_column(Boolean, server_default=false())
    underway: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """It has left its first state forward at least once: from then on its operator sees it."""
    attempts: Mapped[int] = mapped_column(default=0)
    """Steps back so far."""
    superseded_by: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    """The case that goes on in its place: its next round, or the successor's where its body ended."""
    previous_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    """The round before; while that one is live, both go on side by side."""
    occasion: Mapped[Word] = mapped_column(server_default="first")
    """Why this round was opened: first, again (after an end), upgrade, reconnection or migration."""
    taken_over: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """Opened at a later state, with dates of before: it says nothing about how long anything took."""
    delegate: Mapped[str | None] = mapped_column(String(12), ForeignKey("body.ars"))
    """Whose people act now instead of the body's, while the service is given away; follows `delegation` with time."""
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]

    __table_args__ = (
        Index(
            "uq_cases_round",
            "service",
            "body",
            "round",
            unique=True,
            postgresql_where=text("superseded_by IS NULL"),
            sqlite_where=text("superseded_by IS NULL"),
        ),
        Index(
            "ix_cases_superseded_by",
            "superseded_by",
            postgresql_where=text("superseded_by IS NOT NULL"),
            sqlite_where=text("superseded_by IS NOT NULL"),
        ),
        Index(
            "ix_cases_previous_id",
            "previous_id",
            postgresql_where=text("previous_id IS NOT NULL"),
            sqlite_where=text("previous_id IS NOT NULL"),
        ),
        Index("ix_cases_service_state", "service", "state"),
        Index("ix_cases_team_state", "team", "state"),
        Index("ix_cases_body", "body"),
        Index(
            "ix_cases_live",
            "body",
            "service",
            "live_on",
            postgresql_where=text("live_on IS NOT NULL AND ended_on IS NULL"),
            sqlite_where=text("live_on IS NOT NULL AND ended_on IS NULL"),
        ),
        Index(
            "ix_cases_delegate",
            "delegate",
            postgresql_where=text("delegate IS NOT NULL"),
            sqlite_where=text("delegate IS NOT NULL"),
        ),
    )


class Task(Base):
    """One piece of human work in a case. One row per task; each attempt counts up.

    `acting` is the role expected to act now (owner, confirmer, or the team when a mandatory task was declined), null
    when nobody is. Body, team, operator and service repeat the case's, so that an inbox is one index range.
    """

    __tablename__ = "task"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    name: Mapped[Word]
    scope: Mapped[str] = mapped_column(String(80), default="")
    """What tells several of one name apart; empty for a task that is there once."""
    state: Mapped[Word]
    service: Mapped[Word]
    body: Mapped[Ars]
    team: Mapped[Word]
    operator: Mapped[str | None] = mapped_column(String(80))
    owner: Mapped[Word]
    optional: Mapped[bool]
    status: Mapped[Word]
    acting: Mapped[str | None] = mapped_column(String(80))
    attempt: Mapped[int] = mapped_column(default=1)
    version: Mapped[int] = mapped_column(default=1)
    holder_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    handed_on_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    """Who had accepted it and handed it to the present holder."""
    redo: Mapped[str | None]
    """Names of the fields that were sent back, with a comma between; null: all of them."""
    follow_up_on: Mapped[dt.date | None]
    """Somebody wants to see it again on this day; its due date does not move by it."""
    follow_up_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    submitted_for: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    """In whose place, when a deputy handed it in."""
    recorded_for_body: Mapped[bool] = mapped_column(Boolean, server_default=false())
    counted_from: Mapped[dt.date | None]
    """The day it became ready (or was submitted, for the confirmer); that day is not counted."""
    extended_days: Mapped[int] = mapped_column(default=0)
    """The sum of the current extensions: nobody looks into their ledger where there is none."""
    promised_on: Mapped[dt.date | None]
    """The day somebody promised it for, from which it is due instead of the day that was worked out."""
    due_on: Mapped[dt.date | None]
    ended_on: Mapped[dt.date | None]
    ladder: Mapped[str | None] = mapped_column(String(80))
    remind_at: Mapped[dt.datetime | None]
    rung: Mapped[str | None] = mapped_column(String(80))
    occurrence: Mapped[int] = mapped_column(default=0)
    generation: Mapped[int] = mapped_column(default=0)
    replied: Mapped[int | None]
    """The generation in which somebody last replied to a reminder: nobody reads the ledger of replies otherwise."""

    __table_args__ = (
        UniqueConstraint("case_id", "name", "scope"),
        Index(
            "ix_task_team",
            "team",
            "acting",
            "due_on",
            postgresql_where=text("acting IS NOT NULL"),
            sqlite_where=text("acting IS NOT NULL"),
        ),
        Index(
            "ix_task_body",
            "body",
            "acting",
            "due_on",
            postgresql_where=text("acting IS NOT NULL"),
            sqlite_where=text("acting IS NOT NULL"),
        ),
        Index(
            "ix_task_operator",
            "operator",
            "acting",
            "due_on",
            postgresql_where=text("acting IS NOT NULL"),
            sqlite_where=text("acting IS NOT NULL"),
        ),
        Index(
            "ix_task_holder",
            "holder_id",
            postgresql_where=text("status = 'accepted'"),
            sqlite_where=text("status = 'accepted'"),
        ),
        Index(
            "ix_task_open",
            "case_id",
            "due_on",
            postgresql_where=text("acting IS NOT NULL"),
            sqlite_where=text("acting IS NOT NULL"),
        ),
        Index(
            "ix_task_follow_up",
            "follow_up_on",
            postgresql_where=text("follow_up_on IS NOT NULL"),
            sqlite_where=text("follow_up_on IS NOT NULL"),
        ),
        Index(
            "ix_task_remind",
            "remind_at",
            postgresql_where=text("remind_at IS NOT NULL"),
            sqlite_where=text("remind_at IS NOT NULL"),
        ),
    )


class Recording(Base):
    """What a team entered for a body: who had told it, when and by what means. Who stands in a remark of its own."""

    __tablename__ = "recording"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    task_id: Mapped[UUID] = mapped_column(ForeignKey("task.id"), index=True)
    attempt: Mapped[int]
    means: Mapped[Word]
    """phone, mail, letter or meeting."""
    told_on: Mapped[dt.date]
    told_by: Mapped[UUID] = mapped_column(ForeignKey("remark.id"))


class Hold(Base):
    """A recorded pause of one case. Due dates are derived from the ledger of holds."""

    __tablename__ = "hold"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    blocker: Mapped[Word]
    external_kind: Mapped[str | None] = mapped_column(String(80))
    """Who is waited for: vendor, operator, authority, land or body; null when nobody outside."""
    external_key: Mapped[str | None] = mapped_column(String(80))
    """Which of them, as its register calls it; null for the Land and for the body of the case."""
    promised_on: Mapped[dt.date | None]
    review_on: Mapped[dt.date]
    began_on: Mapped[dt.date]
    ended_on: Mapped[dt.date | None]
    remark_id: Mapped[UUID | None] = mapped_column(ForeignKey("remark.id"))
    held_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    ladder: Mapped[str | None] = mapped_column(String(80))
    remind_at: Mapped[dt.datetime | None]
    rung: Mapped[str | None] = mapped_column(String(80))
    occurrence: Mapped[int] = mapped_column(default=0)
    generation: Mapped[int] = mapped_column(default=0)
    replied: Mapped[int | None]
    """As of a task."""

    __table_args__ = (
        Index(
            "ix_hold_lasting",
            "external_kind",
            "external_key",
            postgresql_where=text("ended_on IS NULL"),
            sqlite_where=text("ended_on IS NULL"),
        ),
        Index(
            "ix_hold_remind",
            "remind_at",
            postgresql_where=text("remind_at IS NOT NULL"),
            sqlite_where=text("remind_at IS NOT NULL"),
        ),
    )


class Participant(Base):
    """A body that takes part in another's case, with its time; a body that comes back gets another row."""

    __tablename__ = "participant"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    body: Mapped[Ars] = mapped_column(ForeignKey("body.ars"))
    joined_on: Mapped[dt.date]
    left_on: Mapped[dt.date | None]

    __table_args__ = (
        Index(
            "uq_participant_there",
            "body",
            "case_id",
            unique=True,
            postgresql_where=text("left_on IS NULL"),
            sqlite_where=text("left_on IS NULL"),
        ),
    )


class Part(Base):
    """One of the services a service consists of, as far as it went live by itself in a case."""

    __tablename__ = "part"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    name: Mapped[Word]
    """Its name among the `sub_services` of the service."""
    live_on: Mapped[dt.date | None]
    off_on: Mapped[dt.date | None]
    """Since when it is switched off again."""
    url_id: Mapped[UUID | None] = mapped_column(ForeignKey("remark.id"))
    """Its address, as it was typed."""

    __table_args__ = (UniqueConstraint("case_id", "name"),)


class AdHoc(Base):
    """A task somebody added to one case; it has the id of that task. Title and help are one remark, the title first."""

    __tablename__ = "ad_hoc"

    id: Mapped[UUID] = mapped_column(ForeignKey("task.id"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    working_days: Mapped[int]
    remark_id: Mapped[UUID] = mapped_column(ForeignKey("remark.id"))
    added_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class ChecklistItem(Base):
    """One point of a task's checklist that somebody has ticked; there is none for a point nobody ever ticked."""

    __tablename__ = "checklist_item"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    task_id: Mapped[UUID] = mapped_column(ForeignKey("task.id"))
    name: Mapped[Word]
    ticked_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    ticked_at: Mapped[dt.datetime | None]
    """Null once it was unticked."""

    __table_args__ = (UniqueConstraint("task_id", "name"),)


class Comment(Base):
    """What somebody said about a case or one of its tasks. Its text is a remark; withdrawing it empties that."""

    __tablename__ = "comment"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("task.id"))
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    written_at: Mapped[dt.datetime]
    remark_id: Mapped[UUID] = mapped_column(ForeignKey("remark.id"))
    withdrawn: Mapped[bool] = mapped_column(Boolean, server_default=false())


class Mention(Base):
    """Somebody a comment was meant for."""

    __tablename__ = "mention"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    comment_id: Mapped[UUID] = mapped_column(ForeignKey("comment.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))

    __table_args__ = (UniqueConstraint("comment_id", "person_id"),)


class Extension(Base):
    """Working days by which somebody moved the due date of a task or prerequisite: a ledger, like that of holds.

    Due dates are derived from it in the order of days. `current` is false once the date was counted anew: the
    extension helped an earlier one.
    """

    __tablename__ = "extension"
    __table_args__ = (CheckConstraint("(task_id IS NULL) <> (prerequisite_id IS NULL)", name="one_subject"),)

    id: Mapped[Id]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey("task.id"))
    prerequisite_id: Mapped[UUID | None] = mapped_column(ForeignKey("prerequisite.id"), index=True)
    attempt: Mapped[int]
    given_on: Mapped[dt.date]
    days: Mapped[int]
    current: Mapped[bool]
    given_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    remark_id: Mapped[UUID | None] = mapped_column(ForeignKey("remark.id"))


class Reply(Base):
    """What somebody answered to the reminders of a task, prerequisite, milestone or hold: a ledger.

    It holds for the due date of its generation: once the date changes, all reminders come anew.
    """

    __tablename__ = "reply"

    id: Mapped[Id]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    """Of a task or hold."""
    subject_kind: Mapped[Word]
    """task, prerequisite, milestone or hold."""
    subject_id: Mapped[UUID] = mapped_column(index=True)
    generation: Mapped[int]
    attempt: Mapped[int]
    """Of the task, or the round of the prerequisite: promises are counted in it."""
    kind: Mapped[Word]
    """seen, snoozed or promised."""
    working_days: Mapped[int | None]
    """By how many all reminders move that come at `since` or later; null unless snoozed."""
    since: Mapped[dt.datetime | None]
    promised_on: Mapped[dt.date | None]
    given_at: Mapped[dt.datetime]
    given_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    via: Mapped[Word]
    """page or link."""


class Prerequisite(Base):
    """Something a body needs once and many cases wait for."""

    __tablename__ = "prerequisite"

    id: Mapped[Id]
    body: Mapped[Ars] = mapped_column(ForeignKey("body.ars"))
    kind: Mapped[Word]
    scope: Mapped[str] = mapped_column(String(80), default="")
    owner: Mapped[Word]
    team: Mapped[Word] = mapped_column(ForeignKey("team.key"))
    step: Mapped[str] = mapped_column(String(80), default="")
    """The present step; empty where its kind has none. Owner, date and ladder are the step's."""
    round: Mapped[int] = mapped_column(default=1)
    """Counts how often its steps were begun: asked for, renewed."""
    renewing: Mapped[bool] = mapped_column(Boolean, server_default=false())
    """A new round goes on while what was proved before is still valid."""
    status: Mapped[Word]
    """ready, accepted, submitted, declined, done, expired, set_aside or not_needed."""
    requested: Mapped[bool] = mapped_column(default=False)
    """Somebody asked for it by hand: it stays, whether or not a case needs it."""
    acting: Mapped[str | None] = mapped_column(String(80))
    version: Mapped[int] = mapped_column(default=1)
    holder_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    submitted_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    submitted_for: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    counted_from: Mapped[dt.date]
    extended_days: Mapped[int] = mapped_column(default=0)
    promised_on: Mapped[dt.date | None]
    """As of a task."""
    due_on: Mapped[dt.date | None]
    done_on: Mapped[dt.date | None]
    valid_until: Mapped[dt.date | None]
    ladder: Mapped[str | None] = mapped_column(String(80))
    remind_at: Mapped[dt.datetime | None]
    rung: Mapped[str | None] = mapped_column(String(80))
    occurrence: Mapped[int] = mapped_column(default=0)
    generation: Mapped[int] = mapped_column(default=0)
    replied: Mapped[int | None]
    """As of a task."""
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]

    __table_args__ = (
        UniqueConstraint("body", "kind", "scope"),
        Index(
            "ix_prerequisite_team",
            "team",
            "acting",
            postgresql_where=text("acting IS NOT NULL"),
            sqlite_where=text("acting IS NOT NULL"),
        ),
        Index(
            "ix_prerequisite_remind",
            "remind_at",
            postgresql_where=text("remind_at IS NOT NULL"),
            sqlite_where=text("remind_at IS NOT NULL"),
        ),
        Index(
            "ix_prerequisite_valid",
            "valid_until",
            postgresql_where=text("valid_until IS NOT NULL"),
            sqlite_where=text("valid_until IS NOT NULL"),
        ),
    )


class Milestone(Base):
    """Something the Land does once per service and many cases wait for."""

    __tablename__ = "milestone"

    id: Mapped[Id]
    service: Mapped[Word]
    kind: Mapped[Word]
    due_on: Mapped[dt.date | None]
    reached_on: Mapped[dt.date | None]
    version: Mapped[int] = mapped_column(default=1)
    ladder: Mapped[str | None] = mapped_column(String(80))
    remind_at: Mapped[dt.datetime | None]
    rung: Mapped[str | None] = mapped_column(String(80))
    occurrence: Mapped[int] = mapped_column(default=0)
    generation: Mapped[int] = mapped_column(default=0)
    replied: Mapped[int | None]
    """As of a task."""
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]

    __table_args__ = (
        UniqueConstraint("service", "kind"),
        Index(
            "ix_milestone_remind",
            "remind_at",
            postgresql_where=text("remind_at IS NOT NULL"),
            sqlite_where=text("remind_at IS NOT NULL"),
        ),
    )


class Document(Base):
    """An uploaded file, stored under its SHA-256 in the data folder; the row says who may read it and its name."""

    __tablename__ = "document"

    id: Mapped[Id]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"), index=True)
    prerequisite_id: Mapped[UUID | None] = mapped_column(ForeignKey("prerequisite.id"), index=True)
    milestone_id: Mapped[UUID | None] = mapped_column(ForeignKey("milestone.id"), index=True)
    sha256: Mapped[Digest] = mapped_column(index=True)
    name: Mapped[str]
    search_key: Mapped[Sorted] = mapped_column(server_default="")
    """As `texts.search_key` writes the name."""
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[Word]
    uploaded_by: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    uploaded_at: Mapped[dt.datetime]


class Evidence(Base):
    """One answer: a field of a task, prerequisite, milestone or transition, in one revision."""

    __tablename__ = "evidence"

    id: Mapped[Id]
    subject_kind: Mapped[Word]
    """task, prerequisite, milestone or transition."""
    subject_id: Mapped[UUID]
    """Of the task, prerequisite or milestone; of the case for a transition."""
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    source: Mapped[Word]
    """Name of the task, prerequisite kind, milestone kind or transition."""
    field: Mapped[Word]
    body: Mapped[str | None] = mapped_column(String(12), ForeignKey("body.ars"))
    """Who said it, where it is offered again under the word `reuse`."""
    reuse: Mapped[str | None] = mapped_column(String(80))
    attempt: Mapped[int]
    revision: Mapped[int]
    latest: Mapped[bool]
    type: Mapped[Word]
    text_value: Mapped[str | None]
    number_value: Mapped[float | None]
    date_value: Mapped[dt.date | None]
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("document.id"))
    salt: Mapped[str | None] = mapped_column(String(32))
    commitment: Mapped[Digest]
    given_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    given_at: Mapped[dt.datetime]

    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "source", "field", "revision"),
        Index(
            "ix_evidence_reuse",
            "body",
            "reuse",
            postgresql_where=text("latest AND reuse IS NOT NULL"),
            sqlite_where=text("latest = 1 AND reuse IS NOT NULL"),
        ),
        Index("ix_evidence_case", "case_id"),
    )


# --- what the Land and the bodies tell each other ---------------------------------------------------------------------


class OnboardingRequest(Base):
    """A body asks to be connected to a service: the Umsetzungsteam opens the case, or says why not."""

    __tablename__ = "onboarding_request"

    id: Mapped[Id]
    service: Mapped[Word]
    body: Mapped[Ars] = mapped_column(ForeignKey("body.ars"), index=True)
    team: Mapped[Word] = mapped_column(ForeignKey("team.key"))
    status: Mapped[Word]
    """open, accepted (a case was opened), declined or withdrawn."""
    asked_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[dt.datetime]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[dt.datetime | None]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    wish_id: Mapped[UUID | None]
    """What the body said with it, a remark."""
    reason_id: Mapped[UUID | None]
    """Why it was declined, a remark."""
    remind_at: Mapped[dt.datetime | None]
    """When its team and the programme office are told of it again, while it is open."""
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]

    __table_args__ = (
        Index(
            "uq_onboarding_request_open",
            "service",
            "body",
            unique=True,
            postgresql_where=text("status = 'open'"),
            sqlite_where=text("status = 'open'"),
        ),
        Index(
            "ix_onboarding_request_team",
            "team",
            "remind_at",
            postgresql_where=text("status = 'open'"),
            sqlite_where=text("status = 'open'"),
        ),
    )


class Training(Base):
    """A training the programme offers, on one day."""

    __tablename__ = "training"

    id: Mapped[Id]
    key: Mapped[str | None] = mapped_column(String(80), unique=True)
    """Its name in the definitions; null for one that was planned here."""
    title_de: Mapped[str]
    title_en: Mapped[str]
    held_on: Mapped[dt.date] = mapped_column(index=True)
    begins_at: Mapped[str | None] = mapped_column(String(5))
    """Local time, as `09:30`."""
    service: Mapped[str | None] = mapped_column(String(80))
    """Null: for all services."""
    place: Mapped[str | None]
    link: Mapped[str | None]
    planned_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    cancelled_on: Mapped[dt.date | None]


class Meeting(Base):
    """A team spoke with a body: from then on counts what changed since. Times are the process's."""

    __tablename__ = "meeting"

    id: Mapped[Id]
    team: Mapped[Word] = mapped_column(ForeignKey("team.key"))
    body: Mapped[Ars] = mapped_column(ForeignKey("body.ars"))
    at: Mapped[dt.datetime]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))

    __table_args__ = (Index("ix_meeting_body", "body", "team", "at"),)


class Announcement(Base):
    """A notice the programme office or a supervisor gives to chosen bodies. Times are the process's."""

    __tablename__ = "announcement"

    id: Mapped[Id]
    remark_id: Mapped[UUID] = mapped_column(ForeignKey("remark.id"))
    """Its words: the title, and from the second line on the text."""
    by_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    role: Mapped[Word]
    """In which role it was given."""
    at: Mapped[dt.datetime] = mapped_column(index=True)
    until_on: Mapped[dt.date | None]
    """The last day on which pages show it."""
    withdrawn_at: Mapped[dt.datetime | None]
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[Digest]


class AnnouncementBody(Base):
    """A body an announcement is for."""

    __tablename__ = "announcement_body"

    announcement_id: Mapped[UUID] = mapped_column(ForeignKey("announcement.id"), primary_key=True)
    body: Mapped[Ars] = mapped_column(ForeignKey("body.ars"), primary_key=True, index=True)
    read_at: Mapped[dt.datetime | None]
    """When the first of its people put it aside as read; who that was is not counted anywhere."""


class AnnouncementRead(Base):
    """Somebody has put an announcement aside as read."""

    __tablename__ = "announcement_read"

    announcement_id: Mapped[UUID] = mapped_column(ForeignKey("announcement.id"), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    at: Mapped[dt.datetime]


# --- history ---------------------------------------------------------------------------------------------------------


class Event(Base):
    """One entry of an append-only chain: of a case, prerequisite, milestone, wave, cluster, delegation or person.

    `digest` = SHA-256 over the canonical entry, which contains `previous`. `content` holds ids, names of the
    definition, dates and salted commitments; never a name, address or free text.
    """

    __tablename__ = "event"

    chain_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    chain: Mapped[Word]
    at: Mapped[dt.datetime]
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    act: Mapped[Word]
    content: Mapped[str]
    previous: Mapped[Digest]
    digest: Mapped[Digest]


class Remark(Base):
    """Free text somebody gave as a reason; history holds only its salted commitment."""

    __tablename__ = "remark"

    id: Mapped[Id]
    chain_id: Mapped[UUID] = mapped_column(index=True)
    text: Mapped[str | None]
    salt: Mapped[str | None] = mapped_column(String(32))
    commitment: Mapped[Digest]


# --- what follows from a decision ------------------------------------------------------------------------------------


class Followup(Base):
    """One case that must learn that what it waited for is there; worked in chunks, resumable."""

    __tablename__ = "followup"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    source_kind: Mapped[Word]
    source_id: Mapped[UUID]
    source_seq: Mapped[int]
    created_at: Mapped[dt.datetime]
    try_at: Mapped[dt.datetime | None]
    tries: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        UniqueConstraint("case_id", "source_id", "source_seq"),
        Index(
            "ix_followup_try",
            "try_at",
            postgresql_where=text("try_at IS NOT NULL"),
            sqlite_where=text("try_at IS NOT NULL"),
        ),
    )


class Bulk(Base):
    """One thing asked of many cases at once by one person; worked off in chunks, resumable."""

    __tablename__ = "bulk"

    id: Mapped[Id]
    kind: Mapped[Word]
    arguments: Mapped[str]
    """Canonical JSON: what is done with every one of them, as it was asked."""
    by_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    """In whose name each of them is done, with the rights this person has at that time."""
    created_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]

    __table_args__ = (
        Index("ix_bulk_by", "by_id", "created_at"),
        Index(
            "ix_bulk_unfinished",
            "created_at",
            postgresql_where=text("finished_at IS NULL"),
            sqlite_where=text("finished_at IS NULL"),
        ),
    )


class BulkItem(Base):
    """One of the many: what it is done with, and what it came to. Written with the deed itself, hence done once."""

    __tablename__ = "bulk_item"

    bulk_id: Mapped[UUID] = mapped_column(ForeignKey("bulk.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[UUID | None]
    """Null for a case that is to be opened, until it is. Whether there is such a case, its result says."""
    task_id: Mapped[UUID | None]
    service: Mapped[str | None] = mapped_column(String(80))
    body: Mapped[str | None] = mapped_column(String(12))
    status: Mapped[Word]
    """pending, done or refused."""
    error: Mapped[str | None]
    """Why it was refused: canonical JSON of `refusals`."""
    seq: Mapped[int | None]
    """The last entry in the history of the case when it was done."""

    __table_args__ = (
        Index(
            "ix_bulk_item_pending",
            "bulk_id",
            "case_id",
            postgresql_where=text("status = 'pending'"),
            sqlite_where=text("status = 'pending'"),
        ),
    )


class Decision(Base):
    """A rung, decided exactly once."""

    __tablename__ = "decision"

    subject_kind: Mapped[Word] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    rung: Mapped[Word] = mapped_column(primary_key=True)
    occurrence: Mapped[int] = mapped_column(primary_key=True)
    outcome: Mapped[Word]
    """fired; skipped (a higher rung was due too, the ladder lost it, or who it is for has said to see to it); passed_on
    (nobody to tell, so the next rung's recipients were told); unheard (nobody there either)."""
    decided_at: Mapped[dt.datetime]


class Notice(Base):
    """What one recipient shall learn; composing turns notices into messages."""

    __tablename__ = "notice"

    id: Mapped[Id]
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    name: Mapped[Word]
    """Name of the text in `definitions/messages`."""
    subject_kind: Mapped[Word]
    subject_id: Mapped[UUID]
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    urgency: Mapped[int] = mapped_column(default=0)
    facts: Mapped[str]
    """Canonical JSON: names of the definition, dates, numbers; nothing personal."""
    created_at: Mapped[dt.datetime]
    immediate: Mapped[bool]
    """It does not wait for the digest: the last rung of a ladder, or what was just asked of somebody."""
    try_at: Mapped[dt.datetime]
    """Process time from which composing looks at it; composing moves it to when its recipient can be mailed next."""
    message_id: Mapped[UUID | None] = mapped_column(ForeignKey("message.id"))
    bulk_id: Mapped[UUID | None] = mapped_column(ForeignKey("bulk.id"))
    """Kept back until this is through, so that a recipient gets all of it in one mail; null from then on."""

    __table_args__ = (
        Index(
            "ix_notice_bulk",
            "bulk_id",
            postgresql_where=text("bulk_id IS NOT NULL"),
            sqlite_where=text("bulk_id IS NOT NULL"),
        ),
        Index(
            "ix_notice_message",
            "message_id",
            postgresql_where=text("message_id IS NOT NULL"),
            sqlite_where=text("message_id IS NOT NULL"),
        ),
        Index(
            "ix_notice_try",
            "try_at",
            "recipient_id",
            postgresql_where=text("message_id IS NULL AND bulk_id IS NULL"),
            sqlite_where=text("message_id IS NULL AND bulk_id IS NULL"),
        ),
        Index(
            "ix_notice_pending",
            "recipient_id",
            "created_at",
            postgresql_where=text("message_id IS NULL"),
            sqlite_where=text("message_id IS NULL"),
        ),
    )


class Message(Base):
    """One mail. Its Message-ID is fixed before it is first sent, so that a repeat is recognised as one."""

    __tablename__ = "message"

    id: Mapped[Id]
    key: Mapped[Digest] = mapped_column(unique=True)
    recipient_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    mailbox_id: Mapped[UUID | None] = mapped_column(ForeignKey("mailbox.id"))
    """The mailbox of a role it went to instead of a person."""
    day: Mapped[dt.date | None]
    """The day of the process on which it was written; null for a mail that is no part of anybody's daily count."""
    nth: Mapped[int | None]
    """Which of the recipient's mails of that day: 0 is the digest, of which there is one, 1 and more came at once."""
    address: Mapped[str | None]
    header_id: Mapped[str] = mapped_column(String(160), unique=True)
    language: Mapped[Word]
    subject: Mapped[str]
    plain: Mapped[str]
    html: Mapped[str]
    in_reply_to: Mapped[str | None]
    """Message-ID of the case's thread."""
    access_id: Mapped[UUID | None]
    """The access link it brings, whose address is written in when the mail is handed over; the link may be forgotten
    while its mail is still kept."""
    written_at: Mapped[dt.datetime]
    """Process time; goes into the Date header."""
    status: Mapped[Word]
    """queued, sent, failed or recorded (rehearsed, never delivered)."""
    try_at: Mapped[dt.datetime | None]
    """Real time of the next try; null when none follows."""
    claimed_by: Mapped[str | None]
    tries: Mapped[int] = mapped_column(default=0)
    """How often a server was asked to take it, or a worker died while asking."""
    tried_at: Mapped[dt.datetime | None]
    """Real time of the first try."""
    sent_at: Mapped[dt.datetime | None]
    last_error: Mapped[str | None]
    failure: Mapped[Word | None]
    """Of a failed one, why: recipient (the server does not know the address), marked (that was known before), bounced
    (it came back), content (refused as it is) or given_up (refused for now, for a whole day)."""
    failed_at: Mapped[dt.datetime | None]
    """Real time."""
    bounce: Mapped[str | None] = mapped_column(String(64))
    """Digest of the report that it came back, so that a second copy of the report is recognised as one."""
    passed_on_at: Mapped[dt.datetime | None]
    """Process time at which others were told in the recipient's place, because it failed."""

    __table_args__ = (
        CheckConstraint("(recipient_id IS NULL) <> (mailbox_id IS NULL)", name="one_recipient"),
        UniqueConstraint("recipient_id", "day", "nth"),
        UniqueConstraint("mailbox_id", "day", "nth"),
        Index(
            "ix_message_failed",
            "failed_at",
            postgresql_where=text("failed_at IS NOT NULL"),
            sqlite_where=text("failed_at IS NOT NULL"),
        ),
        Index(
            "ix_message_passing",
            "id",
            postgresql_where=text("failed_at IS NOT NULL AND passed_on_at IS NULL"),
            sqlite_where=text("failed_at IS NOT NULL AND passed_on_at IS NULL"),
        ),
        Index(
            "ix_message_try",
            "try_at",
            postgresql_where=text("try_at IS NOT NULL"),
            sqlite_where=text("try_at IS NOT NULL"),
        ),
    )


class SpentLink(Base):
    """The link of a mail that somebody has replied through: it is good for nothing any more."""

    __tablename__ = "spent_link"

    message_id: Mapped[UUID] = mapped_column(ForeignKey("message.id"), primary_key=True)
    spent_at: Mapped[dt.datetime]


class Trouble(Base):
    """Something about one thing that failed the last time it was tried, and is tried again. Times are real."""

    __tablename__ = "trouble"

    kind: Mapped[Word] = mapped_column(primary_key=True)
    """What it is about: a task, hold, prerequisite or milestone, a follow-up, or mail to somebody."""
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    since: Mapped[dt.datetime]
    at: Mapped[dt.datetime]
    times: Mapped[int]
    error: Mapped[str]
    """Of which kind; what it was stands in the log."""


class HistoryCheck(Base):
    """Somebody had the history checked: every chain, a piece at a time, resumable. Times are real."""

    __tablename__ = "history_check"

    id: Mapped[Id]
    asked_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[dt.datetime] = mapped_column(index=True)
    total: Mapped[int]
    """Chains there were when it was asked for."""
    looked_at: Mapped[int] = mapped_column(default=0)
    chain: Mapped[Word | None]
    """How far it is: the kind of the last chain that was looked at, and its id."""
    chain_id: Mapped[UUID | None]
    faults: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[dt.datetime | None]

    __table_args__ = (
        Index(
            "ix_history_check_unfinished",
            "asked_at",
            postgresql_where=text("finished_at IS NULL"),
            sqlite_where=text("finished_at IS NULL"),
        ),
    )


class HistoryFault(Base):
    """One place at which history, and what it is of, do not agree; what stands there is not kept here."""

    __tablename__ = "history_fault"

    check_id: Mapped[UUID] = mapped_column(ForeignKey("history_check.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    chain: Mapped[Word]
    chain_id: Mapped[UUID]
    seq: Mapped[int | None]
    what: Mapped[Word]
    """As `history.Broken.why` or `history.Difference.kind` says."""
    place: Mapped[str | None] = mapped_column(String(160))
    """Of a difference: table and column."""


class Lease(Base):
    """Who leads the periodic jobs; each new holder gets a higher fence. Times are real."""

    __tablename__ = "lease"

    name: Mapped[Word] = mapped_column(primary_key=True)
    holder: Mapped[str]
    fence: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[dt.datetime]
    progress_at: Mapped[dt.datetime]
