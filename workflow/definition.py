"""What a process, a service and a programme are: the values that YAML files and the database turn into.

One description serves both borders: pydantic validates these frozen dataclasses when they are read, and everything
behind reads plain attributes. Reading files and finding faults lives in `checking`; nothing here touches a disk.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

_SHAPE = ConfigDict(extra="forbid", str_strip_whitespace=True)

BODY_ROLES = ("leitung", "digi", "fachamt", "it", "dsb", "isb", "kasse", "redaktion")
TEAM_ROLES = ("umsetzungsteam", "supervisor")
CENTRAL_ROLES = ("programme_office", "auditor", "admin")
ROLES = (*BODY_ROLES, *TEAM_ROLES, "rollout_team", *CENTRAL_ROLES)

AD_HOC = "ad_hoc"
"""What a task is called that no process knows: somebody added it to one case."""

TASK_OWNERS = ("umsetzungsteam", "rollout_team", *(f"body.{role}" for role in BODY_ROLES))
"""Who may own a task of a case. The programme office steers and owns none (house rule, reported by `check`)."""

PARTICIPANT_OWNERS = tuple(f"participant.{role}" for role in BODY_ROLES)
"""Who may own a task besides: a role at every body that takes part in the case; it is there once for each of them."""

RECIPIENTS = (
    "owner",
    "deputy",
    "umsetzungsteam",
    "coordinator",
    "supervisor",
    "programme_office",
    *TASK_OWNERS[2:],
)
"""Whom a rung of a ladder may name."""

LAENDER: Mapping[str, tuple[str, str]] = {
    "SH": ("01", "Schleswig-Holstein"),
    "HH": ("02", "Hamburg"),
    "NI": ("03", "Niedersachsen"),
    "HB": ("04", "Bremen"),
    "NW": ("05", "Nordrhein-Westfalen"),
    "HE": ("06", "Hessen"),
    "RP": ("07", "Rheinland-Pfalz"),
    "BW": ("08", "Baden-Württemberg"),
    "BY": ("09", "Bayern"),
    "SL": ("10", "Saarland"),
    "BE": ("11", "Berlin"),
    "BB": ("12", "Brandenburg"),
    "MV": ("13", "Mecklenburg-Vorpommern"),
    "SN": ("14", "Sachsen"),
    "ST": ("15", "Sachsen-Anhalt"),
    "TH": ("16", "Thüringen"),
}
"""The Länder by their letters (ISO 3166-2:DE): the first two digits of an ARS there, and the name."""

ESCALATION = "escalation"
ABOVE = frozenset({"body.leitung", "supervisor", "programme_office"})
"""A rung that asks one of these for help, with the message of that name, has escalated."""

SYSTEM = "system"
"""The actor of what time does; may be named under `by:` of a transition nobody takes by hand."""

TRANSITION_ACTORS = (*TASK_OWNERS, "supervisor", "programme_office", SYSTEM)
"""Whom a transition may name under `by`."""

INFORMED = (*TASK_OWNERS, "supervisor", "programme_office")
"""Whom a task may name under `informs` and a transition under `notify`."""

REQUIREMENTS = ("tasks_done", "prerequisites_done")
"""Checks a transition may demand by name; milestones are demanded as `{milestone: kind}`, answers as
`{answer: {task.field: [values]}}`."""

CONDITION_ATTRIBUTES: Mapping[str, tuple[str | bool, ...] | None] = {
    "variant.maturity": ("digital_in", "e2e"),
    "variant.specialist_software": (True, False),
    "variant.return_channel": (True, False),
    "service.payment": ("required", "none"),
    "service.participants": (True, False),
    "case.variant": None,
}
"""What `only_if` may ask besides earlier answers, with the values it can have; `None`: the variants of any service."""

CONDITION_ROOTS = ("variant", "service", "case")
"""First words of those attributes; no task may bear one as its name."""

DOCUMENT_KINDS = ("pdf", "png", "jpg", "docx", "xlsx", "odt", "ods", "txt", "csv")
"""File kinds a document field may name under `accept`."""

MESSAGES = (
    "asked",
    "informed",
    "declined",
    "handed_back",
    "sent_back",
    "reopened",
    "not_needed",
    "confirm_asked",
    "confirmed",
    "can_advance",
    "advanced",
    "moved_to_team",
    "superseded",
    "takes_part",
    "handed_on",
    "taken_back",
    "released",
    "returned",
    "follow_up",
    "mentioned",
    "recorded",
    "delegated",
    "delegation_ended",
    "announced",
    "onboarding_asked",
    "onboarding_accepted",
    "onboarding_declined",
)
"""Messages the engine itself sends; those of rungs are named by the ladders."""

PLACEHOLDERS = ("task", "service", "body", "number", "due", "overdue", "recipient_role", "blocker", "words")
"""What a message may leave open in braces."""

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_KEY = re.compile(r"[a-z][a-z0-9_-]*\Z")


def _name(value: str) -> str:
    if not _NAME.match(value):
        raise PydanticCustomError("name", "must be lower-case letters, digits and underscores, beginning with a letter")
    return value


def _key(value: str) -> str:
    if not _KEY.match(value):
        raise PydanticCustomError("key", "must be lower-case letters, digits, hyphens or underscores, a letter first")
    return value


Name = Annotated[str, AfterValidator(_name)]
Key = Annotated[str, AfterValidator(_key)]


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Text:
    """Words for people, in both languages of the surface."""

    de: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]


# --- durations and due dates -----------------------------------------------------------------------------------------

_DURATION = re.compile(r"(\d{1,4}) (working|calendar) days?\Z")
_MONTHS = re.compile(r"(\d{1,3}) months?\Z")


@dataclass(frozen=True, slots=True, config=_SHAPE)
class WorkingDays:
    """Days on which the offices of the programme's Land work; holds move a date made of them."""

    working_days: Annotated[int, Field(ge=0, le=2000)]


@dataclass(frozen=True, slots=True, config=_SHAPE)
class CalendarDays:
    """Plain days. Never mixed with working days."""

    calendar_days: Annotated[int, Field(ge=0, le=4000)]


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Months:
    """Months as laws count them: to the day of the same number, or the last of a shorter month (§ 188 BGB)."""

    months: Annotated[int, Field(ge=1, le=240)]


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Stichtag:
    """The delivery date of the case's wave; `otherwise` counts until a wave is chosen. Holds never move a Stichtag."""

    otherwise: WorkingDays


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Promised:
    """A date somebody outside promised, kept in a date field `task.field`; `otherwise` counts until it is given."""

    promised: str
    otherwise: WorkingDays


@dataclass(frozen=True, slots=True, config=_SHAPE)
class OfMilestone:
    """The due date of a Land milestone of the service; `otherwise` counts while it has none."""

    milestone: Name
    otherwise: WorkingDays


Due = WorkingDays | CalendarDays | Stichtag | Promised | OfMilestone


def _duration(value: object) -> object:
    """`5 working days`, `30 calendar days` as one would say them; everything else is left to the schema."""
    if isinstance(value, str):
        match = _DURATION.match(value.strip())
        if match is None:
            raise PydanticCustomError("duration", "must read like '5 working days' or '30 calendar days'")
        return {f"{match[2]}_days": int(match[1])}
    if isinstance(value, Mapping):
        given = dict(value)
        if "stichtag" in given:
            return {"otherwise": _duration(given["stichtag"])} if len(given) == 1 else given
        if "otherwise" in given:
            given["otherwise"] = _duration(given["otherwise"])
        return given
    return value


def _period(value: object) -> object:
    """`1 month` too, which only laws count."""
    if isinstance(value, str):
        if match := _MONTHS.match(value.strip()):
            return {"months": int(match[1])}
        if not _DURATION.match(value.strip()):
            raise PydanticCustomError("period", "must read like '1 month', '14 calendar days' or '10 working days'")
    return _duration(value)


def _due_forms(**forms: dict[str, Any]) -> dict[str, Any]:
    """How a mapping under `due` is written, for editors."""
    return {"type": "object", "properties": forms, "required": list(forms), "additionalProperties": False}


_DURATION_FORM = {"type": "string", "pattern": r"^\d{1,4} (working|calendar) days?$", "examples": ["5 working days"]}
_FALLBACK_FORM = {"type": "string", "pattern": r"^\d{1,4} working days?$", "examples": ["20 working days"]}
_DUE_FORM = {
    "anyOf": [
        _DURATION_FORM,
        _due_forms(stichtag=_FALLBACK_FORM),
        _due_forms(promised={"type": "string", "examples": ["order_vendor.promised_on"]}, otherwise=_FALLBACK_FORM),
        _due_forms(milestone={"type": "string"}, otherwise=_FALLBACK_FORM),
    ]
}

Duration = Annotated[WorkingDays | CalendarDays, BeforeValidator(_duration), WithJsonSchema(_DURATION_FORM)]
_PERIOD_FORM = {
    "type": "string",
    "pattern": r"^(\d{1,4} (working|calendar) days?|\d{1,3} months?)$",
    "examples": ["1 month", "14 calendar days"],
}
Period = WorkingDays | CalendarDays | Months
LawfulPeriod = Annotated[Period, BeforeValidator(_period), WithJsonSchema(_PERIOD_FORM)]
DueRule = Annotated[Due, BeforeValidator(_duration), WithJsonSchema(_DUE_FORM)]


def _months(value: object) -> object:
    if isinstance(value, str):
        match = _MONTHS.match(value.strip())
        if match is None or not 1 <= int(match[1]) <= 240:
            raise PydanticCustomError("months", "must read like '12 months', from 1 to 240")
        return {"months": int(match[1])}
    return value


_MONTHS_FORM = {"type": "string", "pattern": r"^\d{1,3} months?$", "examples": ["12 months"]}
Every = Annotated[Months, BeforeValidator(_months), WithJsonSchema(_MONTHS_FORM)]

# --- evidence --------------------------------------------------------------------------------------------------------

FieldType = Literal[
    "text", "long_text", "choice", "date", "number", "url", "email", "flag", "document", "variant", "wave", "register"
]

Sets = Literal["variant", "wave", "stichtag", "closed_on"]
"""Columns of a case that an answer may fill."""


Register = Literal["vendors", "operators", "bodies", "parties"]
"""What a field of type register offers; parties: whomever a case can wait for."""


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Option:
    """One answer of a choice."""

    title: Text
    help: Text | None = None


@dataclass(frozen=True, slots=True, config=_SHAPE)
class EvidenceField:
    """One thing a task, prerequisite, milestone or transition asks for.

    `variant` and `wave` offer what the service and the programme know and set the case accordingly. `accept` names
    file kinds of a document (`pdf`, `png`, `docx` …). `register` names the register a field of that type offers;
    with `unlisted` it offers "not in the list" and "not known yet" as well.
    """

    type: FieldType
    title: Text
    help: Text | None = None
    required: bool = True
    options: dict[Name, Option] = Field(default_factory=dict)
    accept: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    sets: Sets | None = None
    register: Register | None = None
    unlisted: bool = False
    reuse: Name | None = None
    """The word under which a body's latest answer is offered again wherever the same is asked."""


# --- processes -------------------------------------------------------------------------------------------------------

Condition = dict[str, tuple[str | bool | int, ...]]
"""`task.field`, `variant.attribute`, `service.attribute` → the values that satisfy it; all entries must hold."""


OPENED = "opened"
"""In place of `task.field`: the day the case was opened."""


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Statutory:
    """A period that a law sets beside the date the programme aims at: holds and extensions never move its end."""

    within: LawfulPeriod
    since: str
    """The day of the event it begins with, which is not counted itself: `task.field`, or `opened`."""
    basis: Text
    """Where the law says so."""


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Task:
    """One piece of human work in a state."""

    title: Text
    owner: str
    due: DueRule
    ladder: Name
    statutory: Statutory | None = None
    help: Text | None = None
    how_to: str | None = None
    effort: Text | None = None
    sample: Name | None = None
    """A document to take as a pattern: `samples/<language>/<name>.md`."""
    informs: tuple[str, ...] = ()
    after: tuple[Name, ...] = ()
    only_if: Condition = Field(default_factory=dict)
    optional: bool = False
    confirm: str | None = None
    evidence: dict[Name, EvidenceField] = Field(default_factory=dict)
    checklist: dict[Name, Text] = Field(default_factory=dict)
    """Points to be ticked before the task is handed in, in this order."""

    @property
    def of_participants(self) -> bool:
        """It is there once for every body that takes part in the case."""
        return self.owner.startswith("participant.")


@dataclass(frozen=True, slots=True, config=_SHAPE)
class State:
    """Where a case stands. `goal` marks going live; `end` is the end of the line."""

    title: Text
    help: Text | None = None
    goal: bool = False
    end: bool = False
    aside: bool = False
    """Not on the main road: shown beside the stepper (suspended, ends)."""
    tasks: dict[Name, Task] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=_SHAPE)
class MilestoneRequirement:
    """The Land's milestone of this kind is reached for the service (holds where the service does not need it)."""

    milestone: Name


@dataclass(frozen=True, slots=True, config=_SHAPE)
class AnswerRequirement:
    """These answers were given in the state that is left: `task.field` → the values that let the case pass."""

    answer: Condition


Requirement = Name | MilestoneRequirement | AnswerRequirement
"""The name of a check in `requirements`, a milestone of the service, or answers."""


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Transition:
    """A named move: from where, to where, by whom, under which requirements, asking for what."""

    title: Text
    from_: Annotated[tuple[Name, ...], Field(alias="from", min_length=1)]
    to: Name
    by: Annotated[tuple[str, ...], Field(min_length=1)]
    requires: tuple[Requirement, ...] = ()
    asks: dict[Name, EvidenceField] = Field(default_factory=dict)
    reopens: tuple[Name, ...] = ()
    back: bool = False
    """A step back: an attempt, counted, shown as rework."""
    notify: tuple[str, ...] = ()
    help: Text | None = None


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Process:
    """One version of one declarative process."""

    process: Key
    version: Annotated[int, Field(ge=1)]
    title: Text
    initial: Name
    states: Annotated[dict[Name, State], Field(min_length=1)]
    transitions: dict[Name, Transition] = Field(default_factory=dict)
    help: Text | None = None

    @property
    def id(self) -> str:
        """`efa-onboarding/1`: what a case is pinned to."""
        return f"{self.process}/{self.version}"

    def tasks(self) -> Iterator[tuple[str, str, Task]]:
        """Every task as (state, name, task), in the order of the file. Names are unique within a process."""
        for state, definition in self.states.items():
            for name, task in definition.tasks.items():
                yield state, name, task

    def task(self, name: str) -> Task:
        """The task of this name; KeyError when the process has none."""
        for _, candidate, task in self.tasks():
            if candidate == name:
                return task
        raise KeyError(name)


# --- the programme ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Rung:
    """One step of a ladder: `at` working days relative to the due date, or `every` so many working days: from then on
    if there is an `at`, else from being ready; at most `times` repeats."""

    id: Name
    to: tuple[str, ...]
    message: Name
    at: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    every: Annotated[int, Field(ge=1, le=250)] | None = None
    times: Annotated[int, Field(ge=1, le=1000)] | None = None
    asks: Literal["promise"] | None = None
    """Who is told may say by when they will be done: the due date follows."""

    @property
    def is_for_owners(self) -> bool:
        """Whether it tells only those whose task it is: nobody needs it who has said that they see to it."""
        return set(self.to) <= {"owner", "deputy"}

    @property
    def escalates(self) -> bool:
        """Whether it asks somebody above those who work on the thing for help."""
        return self.message == ESCALATION and not ABOVE.isdisjoint(self.to)


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Ladder:
    """Who is reminded when."""

    title: Text
    rungs: Annotated[tuple[Rung, ...], Field(min_length=1, max_length=30)]

    @property
    def asks_for_promise(self) -> bool:
        """Whether somebody may promise another date for what runs under this ladder."""
        return any(rung.asks == "promise" for rung in self.rungs)


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Target:
    """A target date of the programme as it was at one time."""

    date: dt.date
    set_on: dt.date | None
    reason: Text
    source: str


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Wave:
    """Cases delivered together at one Stichtag."""

    title: Text
    stichtag: dt.date
    services: tuple[Key, ...] = ()


MAIL_ADDRESS = r"^[A-Za-z0-9._+-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}$"
PHONE_NUMBER = r"^(\+|0)[0-9][0-9 /-]{3,30}[0-9]$"
WEB_ADDRESS = r"^https?://[^\s<>\"']+$"


@dataclass(frozen=True, slots=True, config=_SHAPE)
class TrainingEntry:
    """A training the programme offers on one day; without a service it is for all of them."""

    title: Text
    date: dt.date
    at: Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] | None = None
    service: Key | None = None
    place: str | None = None
    link: Annotated[str, Field(pattern=WEB_ADDRESS)] | None = None


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Team:
    """An Umsetzungsteam: the districts it looks after (ARS of Landkreise and kreisfreie Städte), or whole services."""

    title: str
    districts: tuple[str, ...] = ()
    services: tuple[Key, ...] = ()


TimeOfDay = Annotated[str, Field(pattern=r"^\d\d:\d\d$")]


@dataclass(frozen=True, slots=True, config=_SHAPE)
class WorkingCalendar:
    """Which days count."""

    country: Literal["DE"]
    land: str
    time_zone: Literal["Europe/Berlin"]
    reminders_at: TimeOfDay
    no_mail_on: Annotated[tuple[Annotated[str, Field(pattern=r"^\d\d-\d\d$")], ...], Field(max_length=60)] = ()
    """Month-day on which nobody is mailed although it is a working day."""
    confirm_within: Duration = Field(default_factory=lambda: WorkingDays(5))
    confirm_ladder: Name = "short"
    most_extension: Annotated[int, Field(ge=0, le=500)] = 120
    """Working days by which the date of one task may be moved in all, in one attempt."""


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Quiet:
    """Hours in which no mail goes out, over midnight where `from` is later than `until`."""

    from_: Annotated[TimeOfDay, Field(alias="from")] = "18:00"
    until: TimeOfDay = "07:00"


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Replies:
    """How far an answer to a reminder reaches."""

    snooze_days: Annotated[int, Field(ge=1, le=60)] = 5
    """Working days by which "remind me later" moves the rungs that are still to come, at most."""
    snoozes: Annotated[int, Field(ge=0, le=20)] = 2
    """How often, while the due date stays the same."""
    promises: Annotated[int, Field(ge=0, le=20)] = 3
    """How often a new date may be promised for one thing."""


@dataclass(frozen=True, slots=True, config=_SHAPE)
class MailRules:
    """When mail goes out, within which limits people choose for themselves, and how far they can put things off."""

    quiet: Quiet = Field(default_factory=Quiet)
    at_most_per_day: Annotated[int, Field(ge=1, le=50)] = 4
    """Mails one recipient gets on one day at most, the digest included."""
    digest_times: Annotated[tuple[TimeOfDay, ...], Field(max_length=24)] = ("07:00", "09:00", "12:00")
    """What people may choose for their digest, besides the hour at which the programme reminds."""
    days_least: Annotated[int, Field(ge=1, le=5)] = 1
    """On how many weekdays the digest must come, whatever people choose."""
    asked_at_once: bool = True
    """Whether what was just asked of somebody comes at once, as long as that person has not decided otherwise."""
    replies: Replies = Field(default_factory=Replies)


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Contact:
    """Where one asks somebody outside: an office and its addresses, never a person's."""

    office: str | None = None
    mail: Annotated[str, Field(pattern=MAIL_ADDRESS)] | None = None
    phone: Annotated[str, Field(pattern=PHONE_NUMBER)] | None = None
    link: Annotated[str, Field(pattern=WEB_ADDRESS)] | None = None

    @property
    def dialled(self) -> str:
        """The number as a telephone takes it: digits, and the plus before them."""
        return re.sub(r"[^+0-9]", "", self.phone or "")


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Operator:
    """Who runs a service for all; `land`: the name of the Land whose holidays its people have."""

    title: str
    land: str | None = None
    source: str | None = None
    contact: Contact | None = None


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Vendor:
    """A vendor to choose from; where it was found is told."""

    title: str
    source: str
    contact: Contact | None = None


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Blocker:
    """Why a case rests, as a code to count by."""

    title: Text


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Programme:
    """Services × bodies, with target dates that have a history."""

    programme: Key
    title: Text
    land: str
    calendar: WorkingCalendar
    process: Key
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    roles: dict[Name, Option]
    ladders: Annotated[dict[Name, Ladder], Field(min_length=1)]
    teams: dict[Key, Team]
    operators: dict[Key, Operator]
    waves: dict[Key, Wave] = Field(default_factory=dict)
    trainings: dict[Key, TrainingEntry] = Field(default_factory=dict)
    priorities: tuple[Key, ...] = ()
    blockers: dict[Name, Blocker] = Field(default_factory=dict)
    vendors: dict[Key, Vendor] = Field(default_factory=dict)
    mail: MailRules = Field(default_factory=MailRules)
    bodies_as_of: dt.date | None = None
    """The day of the official list the table of bodies was made of; an earlier one is not followed."""
    state_is_public: bool = True
    """Everyone signed in may see state and go-live date per service and body."""


# --- the catalogue ---------------------------------------------------------------------------------------------------

Confidence = Literal["sourced", "assumed"]


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Group:
    """A named set of bodies: all of some kinds, plus and minus single ones."""

    title: Text
    source: str
    confidence: Confidence
    kinds: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def has(self, *, ars: str, kind: str) -> bool:
        """Whether a body is in it: of one of its kinds or added, and not removed."""
        return (kind in self.kinds or ars in self.add) and ars not in self.remove


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Needed:
    """A prerequisite a variant needs; `scope` where a body has several (DVDV category, Zustellpunkt, mailbox)."""

    kind: Name
    scope: str = ""


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Variant:
    """A technical way to connect a service."""

    title: Text
    maturity: Literal["digital_in", "e2e"] | None
    specialist_software: bool
    """Whether the municipality's Fachverfahren needs a module for it."""
    help: Text | None = None
    """What it means, in words somebody without technical training understands."""
    return_channel: bool = False
    prerequisites: tuple[Needed, ...] = ()
    source: str | None = None
    confidence: Confidence = "assumed"


@dataclass(frozen=True, slots=True, config=_SHAPE)
class MilestoneEntry:
    """A Land milestone of the service; dates are `null` where unknown."""

    due: dt.date | None = None
    reached: dt.date | None = None


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Participant:
    """A body that takes part in another's case."""

    group: Key
    role: Text
    source: str | None = None


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Keys:
    """Official keys; `null` where unknown, never guessed."""

    leika: Annotated[str, Field(pattern=r"^\d{14}$")] | None = None
    ozg: Annotated[str, Field(pattern=r"^\d{5}$")] | None = None


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Service:
    """An entry of the catalogue."""

    service: Key
    title: Text
    summary: Text
    keys: Keys
    focus: Literal["sourced", "assumed", "further"]
    applies_to: Key | None
    """Name of the group of responsible bodies; `null`: unknown, so no case is opened."""
    authority: Text | None
    source: str
    confidence: Confidence
    implementing_land: str | None = None
    operator: Key | None = None
    payment: Literal["required", "none"] | None = None
    trust_level: Text | None = None
    fee_per_authority: Text | None = None
    variants: dict[Name, Variant] = Field(default_factory=dict)
    milestones: dict[Name, MilestoneEntry] = Field(default_factory=dict)
    participants: tuple[Participant, ...] = ()
    sub_services: dict[Name, Text] = Field(default_factory=dict)
    team: Key | None = None
    notes: Text | None = None
    version: Annotated[int, Field(ge=1)] = 1

    def attributes(self, variant: str | None) -> dict[str, str | bool]:
        """What conditions may ask of the service and of this variant of it; what is unknown is left out."""
        known: dict[str, str | bool | None] = {
            "service.payment": self.payment,
            "service.participants": bool(self.participants),
        }
        if variant is not None and variant in self.variants:
            chosen = self.variants[variant]
            known["variant.maturity"] = chosen.maturity
            known["variant.specialist_software"] = chosen.specialist_software
            known["variant.return_channel"] = chosen.return_channel
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True, slots=True, config=_SHAPE)
class PrerequisiteStep:
    """One piece of work on the way to a prerequisite; steps are done one after the other."""

    title: Text
    owner: str
    due: Duration
    ladder: Name
    help: Text | None = None
    sample: Name | None = None
    """A document to take as a pattern, as of a task."""
    informs: tuple[str, ...] = ()
    confirm: str | None = None
    """Who checks what was handed in, before it counts."""
    evidence: dict[Name, EvidenceField] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=_SHAPE)
class PrerequisiteKind:
    """Something a body needs once and many cases wait for."""

    title: Text
    owner: str
    due: Duration
    """For the whole of it; its steps share these days."""
    ladder: Name
    help: Text | None = None
    sample: Name | None = None
    """A document to take as a pattern, as of a task."""
    informs: tuple[str, ...] = ()
    scoped_by: Text | None = None
    """What tells several of one kind apart; `null`: a body has one."""
    needs: tuple[Name, ...] = ()
    """Kinds that must be there first: asked for together with this one."""
    steps: dict[Name, PrerequisiteStep] = Field(default_factory=dict)
    evidence: dict[Name, EvidenceField] = Field(default_factory=dict)
    valid_until: Name | None = None
    """The date field that says when it expires."""
    expiry_ladder: Name | None = None
    source: str | None = None

    def road(self) -> dict[str, PrerequisiteStep]:
        """The steps in their order; a kind without any is one step without a name."""
        if self.steps:
            return self.steps
        whole = PrerequisiteStep(
            title=self.title,
            owner=self.owner,
            due=self.due,
            ladder=self.ladder,
            help=self.help,
            sample=self.sample,
            informs=self.informs,
            evidence=self.evidence,
        )
        return {"": whole}

    def fields(self) -> dict[str, EvidenceField]:
        """Everything it asks for, over all steps."""
        return {name: field for step in self.road().values() for name, field in step.evidence.items()}


@dataclass(frozen=True, slots=True, config=_SHAPE)
class RecurringKind:
    """Something a body does again and again once a service of its own is live. No case ever waits for it."""

    title: Text
    owner: str
    every: Every
    """Counted from the day it was done; for the first time from the day of going live."""
    due: Duration
    ladder: Name
    of_each: Literal["body", "service"] = "body"
    """Once for all services of a body that are live, or for each of them."""
    help: Text | None = None
    sample: Name | None = None
    """A document to take as a pattern, as of a task."""
    informs: tuple[str, ...] = ()
    evidence: dict[Name, EvidenceField] = Field(default_factory=dict)
    source: str | None = None

    def as_prerequisite(self) -> PrerequisiteKind:
        """It has the life of a prerequisite of one step."""
        return PrerequisiteKind(
            title=self.title,
            owner=self.owner,
            due=self.due,
            ladder=self.ladder,
            help=self.help,
            sample=self.sample,
            informs=self.informs,
            scoped_by=None if self.of_each == "body" else Text(de="Leistung", en="Service"),
            evidence=self.evidence,
            source=self.source,
        )


@dataclass(frozen=True, slots=True, config=_SHAPE)
class MilestoneKind:
    """Something the Land does once per service and many cases wait for."""

    title: Text
    ladder: Name
    owner: Literal["programme_office"] = "programme_office"
    help: Text | None = None
    evidence: dict[Name, EvidenceField] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Shared:
    """`prerequisites.yaml`: what bodies and the Land do once for many cases."""

    prerequisites: dict[Name, PrerequisiteKind]
    milestones: dict[Name, MilestoneKind]
    recurring: dict[Name, RecurringKind] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Groups:
    """`groups.yaml`."""

    groups: dict[Key, Group]


# --- texts of the installation ---------------------------------------------------------------------------------------

PAGES = ("imprint", "privacy", "accessibility")
"""Pages that everybody may read and that each installation words for itself."""

_TO_REPLACE = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)


@dataclass(frozen=True, slots=True, config=_SHAPE)
class Page:
    """A page of the installation in one language: its heading, and Markdown without HTML."""

    title: str
    text: str

    @property
    def to_replace(self) -> tuple[str, ...]:
        """What stands in double brackets: as long as there is any, the page is a sample."""
        return tuple(dict.fromkeys(found[1] for found in _TO_REPLACE.finditer(self.text)))


# --- canonical form --------------------------------------------------------------------------------------------------

PROCESS: TypeAdapter[Process] = TypeAdapter(Process)
PROGRAMME: TypeAdapter[Programme] = TypeAdapter(Programme)
SERVICE: TypeAdapter[Service] = TypeAdapter(Service)
SHARED: TypeAdapter[Shared] = TypeAdapter(Shared)
GROUPS: TypeAdapter[Groups] = TypeAdapter(Groups)

_WORDS = frozenset({"title", "help", "how_to", "effort", "sample"})
"""Keys that may change in a released version: they say the same thing in other words."""


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal meaning gives equal bytes (RFC 8785 for the values used here)."""
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def stored(adapter: TypeAdapter[Any], value: Any) -> str:
    """The whole value as JSON in the author's order; `adapter.validate_json` gives it back."""
    plain = adapter.dump_python(value, mode="json", by_alias=True, exclude_defaults=True)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def fingerprint(process: Process) -> str:
    """SHA-256 over the canonical meaning of a process: everything but titles and help. 64 hex digits.

    The order of states, tasks and transitions is presentation and does not count either. Defaults are left out, so
    that a field this schema gains later does not change what was released before.
    """
    meaning = _without_words(PROCESS.dump_python(process, mode="json", by_alias=True, exclude_defaults=True))
    return hashlib.sha256(canonical(meaning).encode()).hexdigest()


def _without_words(value: Any, *, names: bool = False) -> Any:
    """Drop words; under `names` the keys are names an author chose (a task may be called `help`)."""
    if isinstance(value, dict):
        return {
            key: sorted(inner)
            if key == "checklist" and not names
            else _without_words(inner, names=key in _NAMED and not names)
            for key, inner in value.items()
            if names or key not in _WORDS
        }
    if isinstance(value, list):
        return [_without_words(inner) for inner in value]
    return value


_NAMED = frozenset({"states", "tasks", "transitions", "evidence", "asks", "options", "only_if"})
