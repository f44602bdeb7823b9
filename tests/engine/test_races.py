"""Two who meet at one case come to what they come to one after the other: nothing is lost, nobody sees a deadlock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.databases import Flavour
from tests.engine.meetings import THEIR_FUNCTIONS, build, meet, pairs_of
from tests.house import deeds, named_in

pytestmark = pytest.mark.slow

SAMPLE = [
    pair
    for place, how_many in (("under_way", 14), ("live", 3), ("shared", 3))
    for pair in Random(5).sample(pairs_of(place), how_many)
]
"""The rest, in both orders, is `python3 run.py prove engine`."""

ELSEWHERE = {
    "administrators.write": "no deed: a mail beside what it is about",
    "addresses.mark": "it locks the recipient alone and waits for no case",
    "announcements.put_aside": "it touches no case; it meets `withdraw` in tests/webui/test_announcements.py",
    "announcements.send": "it touches no case",
    "announcements.withdraw": "it touches no case; it meets `put_aside` in tests/webui/test_announcements.py",
    "bodies.enact": "it changes the list of bodies; their cases follow with `move_case`",
    "bulk.ask": "it only keeps what is asked; `hold_many` and `advance_many` ask and work it off",
    "cases.open_next_as_answered": "it is `open_next`",
    "closures.end": "it touches no case: mail waits, and nothing else",
    "access.invite": "who is invited has nothing at any case; who has an account is given a role as by `grant`",
    "access.withdraw": "who is only invited has nothing at any case; meets `use_link` in tests/workflow/test_access.py",
    "closures.enter": "it touches no case: mail waits, and nothing else",
    "clusters.found": "it touches no case and nobody's rights",
    "clusters.join": "it locks what `leave` locks, and nothing else",
    "clusters.name_coordinator": "it locks what `dismiss_coordinator` locks, and nothing else",
    "dead_letters.resend": "it touches one mail",
    "delegations.apply_to": "it is what `apply` does",
    "delegations.end": "its cases follow with `apply`",
    "delegations.give": "its cases follow with `apply`",
    "drafts.forget": "it touches no case: what nobody has sent has not happened",
    "drafts.keep": "it touches no case: what nobody has sent has not happened",
    "history_checks.start": "it reads cases and locks none",
    "mailboxes.end": "it touches no case: where mail goes is asked when it is written",
    "mailboxes.set_up": "it touches no case: where mail goes is asked when it is written",
    "meetings.hold": "it is a mark for reading and touches no case",
    "meetings.withdraw": "it is a mark for reading and touches no case",
    "onboarding.ask": "there is no case yet; whoever asks meets an opening in tests/workflow/test_onboarding.py",
    "onboarding.decline": "it touches no case; it meets `accept` and `withdraw` in tests/workflow/test_onboarding.py",
    "onboarding.settle_one": "it is `accept` or `withdraw`, done by time",
    "onboarding.withdraw": "it touches no case; it meets `accept` and `decline` in tests/workflow/test_onboarding.py",
    "people.address_works": "it locks what `change_address` locks, and nothing else",
    "people.change_address": "it locks what `erase` locks, and nothing else",
    "people.close_unused": "who is only invited has nothing at any case",
    "people.create": "somebody new has nothing at any case",
    "people.end": "it locks what `erase` locks, and nothing else",
    "people.end_grants": "it is what `withdraw` does",
    "people.end_links": "it touches no case",
    "people.give": "it is what `grant` does",
    "people.not_same_human": "it locks what `same_human` locks, and nothing else",
    "people.record": "no deed: what deeds on people write",
    "people.sign_out": "it touches no case",
    "programme.set_target": "no case depends on it",
    "registers.add_vendor": "no case depends on it",
    "registers.end_vendor": "no case depends on it",
    "trainings.cancel": "no case depends on it",
    "trainings.plan": "no case depends on it",
    "troubles.note": "no deed: what is kept of a pass that failed",
    "wishes.choose": "it touches no case: when mail goes is asked when it is written",
    "views.forget": "it touches no case: a view is an address and nothing else",
    "views.keep": "it touches no case: a view is an address and nothing else",
    "views.rename": "it touches no case: a view is an address and nothing else",
    "views.replace": "it touches no case: a view is an address and nothing else",
    "takeover.take_over": "where there is a case it is refused, whatever happens there",
}
"""Deeds that meet no other at a case, each with why."""


def test_every_deed_meets_the_others_or_it_is_said_why_not() -> None:
    meeting = named_in("tests/engine/meetings.py", *THEIR_FUNCTIONS)
    assert deeds() - meeting == ELSEWHERE.keys()


def test_whoever_meets_at_a_case_comes_to_what_they_would_one_after_the_other(
    databases: Callable[[Flavour], str], tmp_path: Path
) -> None:
    scene = build(databases("empty"), tmp_path)
    try:
        found = {
            f"{first}, {second}": faults
            for pair in SAMPLE
            for first, second in {pair, pair[::-1]}
            if (faults := meet(scene, first, second))
        }
    finally:
        scene.engine.close()
    assert found == {}
