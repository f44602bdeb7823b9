"""How long things take and how often they go wrong. Assumptions for an example, none of them measured."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

OPENED_WITHIN = 0.92
"""Cases are opened in this first part of the time that is played."""
STRIKES = 0.1
"""How often a trouble strikes at a task of a municipality, until it has."""
LATE_COMERS = 0.1
"""Cases opened in the last weeks."""
SERVICE_SPREAD = 0.35
"""How far the services' beginnings lie apart, as a part of the time in which cases are opened."""

USUAL = 0.5
"""Of the working days a task may take, what somebody without trouble needs (median)."""
SPREAD = 0.8
"""How much that varies (standard deviation of its logarithm)."""
HOUSES = 0.35
"""How much houses differ from each other, likewise."""

ACCEPTED_FIRST = 0.4
DECLINED = 0.012
DECLINED_OPTIONAL = 0.6
SENT_BACK = 0.1
REWORKED = 0.07
NOT_RESPONSIBLE = 0.02
WITHDRAWN = 0.035
SUSPENDED = 0.15
EXTENDED = 0.35
LATE_MILESTONE = 0.25

SMALL_HOUSE = 12_000
"""Below so many inhabitants not every role has somebody."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a case takes longer: the blocker it is recorded under, how often, and how long in working days."""

    blocker: str
    share: float
    least: int
    most: int
    waits_for_vendor: bool = False
    """It waits for a vendor, the first of the register."""
    recorded: float = 0.8
    """How often somebody records it as a hold; otherwise the case is just late."""


VENDOR = Trouble("fv_vendor_missing", 0.35, 25, 90, waits_for_vendor=True)
PAYMENT = Trouble("payment_mandate", 0.25, 25, 60)
"""Only where a service takes payments; the mandate is late, the case itself does not rest."""
CAPACITY = (
    Trouble("no_staff", 0.25, 20, 70, recorded=0.4),
    Trouble("it_capacity", 0.15, 15, 60, recorded=0.5),
    Trouble("legal_unclear", 0.03, 10, 30, recorded=0.9),
)

REASONS = {
    "hold": ("Es fehlt gerade, was wir für den nächsten Schritt brauchen.", "Wir warten und sehen danach wieder nach."),
    "sent_back": (
        "Eine Angabe fehlt noch. Bitte ergänzen Sie sie.",
        "Die Adresse stimmt nicht mit dem Eintrag überein.",
    ),
    "declined": ("Dafür sind wir im Haus nicht zuständig.", "Das können wir in diesem Monat nicht leisten."),
    "handed_back": ("Nach Rücksprache: Bitte erledigen Sie es doch bei Ihnen.",),
    "not_needed": ("Bei uns nicht nötig.",),
    "extended": ("Die Kommune hat um mehr Zeit gebeten.", "Urlaub und Krankheit im Fachamt."),
    "planned": ("Nach dem Stand der Verhandlungen.",),
    "delayed": ("Die Abstimmung zwischen den Ländern dauert länger.", "Der Vertragsentwurf wird noch geprüft."),
}

FIRST_NAMES = (
    "Anna", "Birgit", "Carla", "Doris", "Elif", "Frauke", "Greta", "Hatice", "Ines", "Jutta", "Katrin", "Lea", "Meike",
    "Nadja", "Olga", "Paula", "Rita", "Silke", "Tanja", "Ute", "Vera", "Wiebke", "Yasemin", "Zoe", "Achim", "Bernd",
    "Cem", "Dirk", "Emil", "Frank", "Georg", "Hakan", "Ingo", "Jens", "Karl", "Lars", "Marek", "Nils", "Otto", "Paul",
    "Ralf", "Sven", "Timo", "Uwe", "Veit", "Willi", "Yannick", "Zoran",
)  # fmt: skip
SURNAMES = (
    "Acker", "Bach", "Blum", "Brunnen", "Dorn", "Eiche", "Falk", "Feld", "Garten", "Hafer", "Heide", "Hügel", "Kamm",
    "Kelter", "Klee", "Korn", "Lerche", "Linde", "Mandel", "Moos", "Mühle", "Nuss", "Pappel", "Quelle", "Rebe", "Ried",
    "Roggen", "Sand", "Schilf", "Stein", "Tanne", "Tal", "Ufer", "Wald", "Weide", "Wein", "Wiese", "Zweig",
)  # fmt: skip


def dice(*words: object) -> Random:
    """Chance that depends on what it is about, and not on what happened before."""
    return Random("/".join(map(str, words)))  # noqa: S311 - an example is no secret


def working_days(dice: Random, allowed: int, *, slow: float = 1.0) -> float:
    """How many working days somebody takes for what may take `allowed`."""
    return max(allowed, 1) * USUAL * slow * dice.lognormvariate(0, SPREAD)


def happens(dice: Random, share: float) -> bool:
    """Whether something happens this time that happens to such a share."""
    return dice.random() < share


def reason(dice: Random, kind: str) -> str:
    """Words somebody could give; in German, like everything people of the programme write."""
    return dice.choice(REASONS[kind])
