"""What can be refused, as one family by meaning; facts are attributes, words live in `texts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StartklarError(Exception):
    """Something a person or program asked for was not done, and nothing of it was kept.

    `key` names the sentence in every language (`texts.say`), `facts` fill it.
    """

    key = "error.unknown"

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.key, facts)
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.key} {self.facts}"


class NotFound(StartklarError):
    """It does not exist, or this actor may not know that it does."""

    key = "error.not_found"


class NotAllowed(StartklarError):
    """The actor may see it but not do this. Facts: `roles`, names of the roles that may."""

    key = "error.not_allowed"


class SignInRequired(StartklarError):
    """Nobody is signed in, or the session ended."""

    key = "error.sign_in_required"


class Conflict(StartklarError):
    """What was asked does not fit the state in which things are now. A fact `what` chooses the sentence."""

    key = "error.conflict"

    def __init__(self, **facts: Any) -> None:
        if "what" in facts:
            self.key = f"error.conflict_{facts['what']}"
        super().__init__(**facts)


class CaseHasMoved(Conflict):
    """The case changed since the person looked at it."""

    key = "error.case_has_moved"


class TaskHasMoved(Conflict):
    """The task, prerequisite or milestone changed since the person looked at it."""

    key = "error.task_has_moved"


class TransitionNotAvailable(Conflict):
    """The state does not permit this move."""

    key = "error.transition_not_available"

    def __init__(self, transition: str, state: str, **facts: Any) -> None:
        super().__init__(transition=transition, state=state, **facts)


class TaskNotAvailable(Conflict):
    """The task's status does not permit this deed, a colleague has it (`held`), or the case left its state (`left`).

    Facts: `deed`, `status`.
    """

    key = "error.task_not_available"

    def __init__(self, *, deed: str, status: str) -> None:
        if deed == "held":
            self.key = "error.task_held"
        elif deed == "left":
            self.key = "error.task_left_behind"
        super().__init__(deed=deed, status=status)


class CaseRests(Conflict):
    """The case is on hold; resume it first."""

    key = "error.case_rests"


class AlreadyOpen(Conflict):
    """This service is already open for this body. Facts: `service`, `body`, `number`."""

    key = "error.already_open"


class SecondPersonNeeded(Conflict):
    """Four eyes: who did it may not confirm it. Facts: `people`, the names of those who could."""

    key = "error.second_person_needed"

    def __init__(self, *, people: str) -> None:
        if not people:
            self.key = "error.second_person_missing"
        super().__init__(people=people)


class CommandReused(Conflict):
    """The key of this command stood for something else before."""

    key = "error.command_reused"


class RequirementsNotMet(Conflict):
    """A transition or task demands what does not hold yet. `reasons`: one `requirements.Reason` each."""

    key = "error.requirements_not_met"

    def __init__(self, reasons: Sequence[Any], **facts: Any) -> None:
        super().__init__(**facts)
        self.reasons = tuple(reasons)


class NeedsNotMet(RequirementsNotMet):
    """A prerequisite cannot be completed: what it needs is not there yet. `reasons` as above."""

    key = "error.needs_not_met"


class Invalid(StartklarError):
    """What was given cannot be used. Facts: `what`."""

    key = "error.invalid"


class InvalidEvidence(Invalid):
    """Some fields are missing or wrong. `faults`: field name → (text key, facts)."""

    key = "error.invalid_evidence"

    def __init__(self, faults: dict[str, tuple[str, dict[str, Any]]]) -> None:
        super().__init__(count=len(faults), n=len(faults))
        self.faults = faults


class InvalidDocument(Invalid):
    """A file that is too large, empty, or not what it says. Key tells which."""

    def __init__(self, key: str, **facts: Any) -> None:
        self.key = key
        super().__init__(**facts)


class InvalidDefinitions(Invalid):
    """The definitions do not hang together. `faults`: every fault with its place."""

    key = "error.invalid_definitions"

    def __init__(self, faults: Sequence[Any]) -> None:
        super().__init__(count=len(faults), n=len(faults))
        self.faults = tuple(faults)


class Refused(StartklarError):
    """A deed refused for the reason its key names."""

    def __init__(self, key: str, **facts: Any) -> None:
        self.key = key
        super().__init__(**facts)


class TooMany(Refused):
    """More than people do within such a time; later it works again."""

    def __init__(self) -> None:
        super().__init__("error.too_many")


class LinkRefused(StartklarError):
    """A link in a mail that nobody can reply through, or not any more."""

    key = "error.link_broken"


class LinkBroken(LinkRefused):
    """It was never written here: cut off by a mail program, or made up."""


class LinkExpired(LinkRefused):
    """Its mail is too old. Facts: `n`, for how many days it was good."""

    key = "error.link_expired"


class LinkSpent(LinkRefused):
    """Somebody has replied through it. Facts: `on`, the day."""

    key = "error.link_spent"


class LinkClosed(LinkRefused):
    """The account it was written to has ended, or it was never meant for replies."""

    key = "error.link_closed"


class AccessRefused(StartklarError):
    """A link to an account that opens nothing. `key` tells why: it was never written here, was used, is too old, or
    ended: a newer one was sent, the invitation was withdrawn, the account ended or has another address."""

    key = "error.access_broken"

    def __init__(self, key: str = "error.access_broken", **facts: Any) -> None:
        self.key = key
        super().__init__(**facts)


class SignInRefused(StartklarError):
    """Wrong address or password, or too many tries: the two look alike."""

    key = "error.sign_in_refused"


class SignInPaused(SignInRefused):
    """Too many tries; for known and unknown accounts alike. Facts: `n`, minutes to wait."""

    key = "error.sign_in_paused"


class NetworkPaused(SignInPaused):
    """Very many wrong tries from one network; nobody's account is meant, and the wait is short."""

    key = "error.network_paused"


class PasswordTooWeak(Invalid):
    """Too short, too long or too simple to protect anything. Facts: `least`, characters at least."""

    key = "error.password_too_weak"


class PasswordUnchanged(PasswordTooWeak):
    """The new password is the old one."""

    key = "error.password_unchanged"


class PasswordIsEmail(PasswordTooWeak):
    """The password is what everybody knows: the person's own address."""

    key = "error.password_is_email"


class Unready(StartklarError):
    """The installation itself is not fit to run: no database, old schema, wrong clock. Key tells which."""

    def __init__(self, key: str, **facts: Any) -> None:
        self.key = key
        super().__init__(**facts)


class Busy(StartklarError):
    """Somebody else is writing; trying again in a moment helps."""

    key = "error.busy"
