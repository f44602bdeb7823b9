"""What the definitions say, for everybody to read; the drawing of a process."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statements import counted
from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from webui.diagram import HEAD, SMALL, TEXT, Arrow, Box, Drawing, Place, Step, Way, drawn, wide, wrapped

Visit = Callable[[str], Visitor]
ADDRESS = "/definitions/efa-onboarding/1"


# --- pages -----------------------------------------------------------------------------------------------------------


def test_everybody_signed_in_reads_every_part_of_the_definitions(world: World, visit: Visit, stranger: Visitor) -> None:
    assert stranger.get(ADDRESS).status_code == 303
    for who in ("digi", "admin"):
        visitor = visit(who)
        for part in ("", "/services", "/prerequisites", "/reminders", "/messages"):
            answer = visitor.get(f"/definitions{part}")
            assert answer.status_code == 200, part
            sound(answer.text)
    said = words(visit("digi").get("/definitions/reminders").text)
    assert "am Tag der Frist" in said
    assert visit("digi").get("/definitions/nothing").status_code == 404


def test_a_process_is_drawn_and_told_in_words_with_all_its_states_transitions_and_tasks(
    world: World, visit: Visit
) -> None:
    case_id = world.open()
    with counted(world) as sent:
        page = visit("auditor").get(ADDRESS).text
    assert len(sent) <= 30
    assert len(page) < 150_000
    sound(page)
    said = words(page)
    with world.look() as work:
        process = work.catalogue.process("efa-onboarding", 1)
    drawing = page.partition('<svg class="sk-flow__drawing')[2].partition("</svg>")[0]
    for key, state in process.states.items():
        assert f'data-state="{key}"' in drawing
        assert state.title.en in said
    for key, transition in process.transitions.items():
        assert f'data-way="{key}"' in drawing
        assert transition.title.en in said
    for _, _, task in process.tasks():
        assert task.title.en in said
    assert drawing.count("sk-flow__dot") == len(list(process.tasks()))
    assert "One running case" in said
    assert "style=" not in drawing
    assert visit("digi").get("/definitions/efa-onboarding/9").status_code == 404
    assert visit("digi").get("/definitions/nothing/1").status_code == 404
    page = visit("digi").get(f"/cases/{case_id}").text
    link = re.search(r'href="(/definitions/efa-onboarding/1\?state=requested)"', page)
    assert link is not None
    shown = visit("digi").get(link[1]).text
    assert "Der Vorgang steht im Status „Angefragt“" in words(shown)
    assert 'sk-flow__state--here sk-flow__state--1" data-state="requested"' in shown
    assert visit("digi").get(f"{ADDRESS}?state=nowhere").status_code == 404


# --- the drawing -----------------------------------------------------------------------------------------------------

_TITLES = st.text("abcdefgh ÄÖÜ-mW", min_size=1, max_size=40)


@st.composite
def _processes(draw: st.DrawFn) -> tuple[list[Place], list[Way]]:
    """Any process: a road of states with tasks, states beside it, transitions between whichever of them."""
    keys = [f"s{number}" for number in range(draw(st.integers(1, 7)))]
    beside = [f"b{number}" for number in range(draw(st.integers(0, 5)))]
    places = [
        Place(key, draw(_TITLES), steps=tuple(Step(n, draw(_TITLES), "x", tuple(range(1, n))) for n in range(1, 4)))
        for key in keys
    ]
    places += [Place(key, draw(_TITLES), beside=True) for key in beside]
    ends = st.sampled_from([*keys, *beside])
    ways = [
        Way(f"w{number}", draw(_TITLES), tuple(draw(st.lists(ends, min_size=1, max_size=4, unique=True))), draw(ends))
        for number in range(draw(st.integers(0, 12)))
    ]
    return places, ways


@given(_processes())
def test_no_two_states_lie_on_each_other_and_every_transition_is_drawn(asked: tuple[list[Place], list[Way]]) -> None:
    places, ways = asked
    drawing = drawn(places, ways)
    assert [box.key for box in drawing.boxes] == [p.key for p in places if p.beside] + [
        p.key for p in places if not p.beside
    ]
    assert {arrow.key for arrow in drawing.arrows} == {way.key for way in ways}
    for one, other in itertools.combinations(drawing.boxes, 2):
        assert _apart(one, other), (one.key, other.key)
    for arrow in drawing.arrows:
        _reaches(arrow, next(way for way in ways if way.key == arrow.key), drawing)
        for (x1, y1), (x2, y2) in (line for line in arrow.lines):
            assert x1 == x2 or y1 == y2
            for box in drawing.boxes:
                assert not _crosses(box, (x1, y1), (x2, y2)), (arrow.key, box.key)
    for box in drawing.boxes:
        assert box.x >= 0
        assert box.x + box.width <= drawing.width
        assert box.y >= 0
        assert box.y + box.height <= drawing.height
        assert max(wide(line, HEAD) for line in box.title.lines) <= box.width or len(box.title.lines[0]) < 3
        for task in box.tasks:
            assert box.x < task.title.x
            assert task.title.x + max(wide(line, TEXT) for line in task.title.lines) <= box.x + box.width + 1
            assert task.owner.y <= box.y + box.height


@given(st.text("abcdefghijklmnoÄ-", min_size=1, max_size=80), st.integers(60, 200))
def test_words_are_cut_to_fit_and_lose_no_letter(text: str, width: int) -> None:
    lines = wrapped(text, width, SMALL)
    assert all(wide(line, SMALL) <= width for line in lines)
    assert "".join(lines).replace("-", "") == text.replace("-", "")


@pytest.mark.parametrize(
    ("word", "lines"),
    [
        ("Zuständigkeitsredaktion", ("Zuständigkeits-", "redaktion")),
        ("Datenschutz-Folgenabschätzung", ("Datenschutz-", "Folgenabschätzung")),
        ("kurz", ("kurz",)),
    ],
)
def test_german_compounds_are_cut_at_their_seams(word: str, lines: tuple[str, ...]) -> None:
    assert wrapped(word, 130, TEXT) == lines


def _apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def _crosses(box: Box, start: tuple[float, float], end: tuple[float, float]) -> bool:
    """Whether a line runs through the inside of a box; touching its edge is how arrows arrive."""
    left, right = sorted((start[0], end[0]))
    top, bottom = sorted((start[1], end[1]))
    return left < box.x + box.width - 1 and right > box.x + 1 and top < box.y + box.height - 1 and bottom > box.y + 1


def _reaches(arrow: Arrow, way: Way, drawing: Drawing) -> None:
    """It begins at each of its sources and its head touches its target."""
    boxes = {box.key: box for box in drawing.boxes}
    target = boxes[way.target]
    assert target.x <= arrow.tip[0] <= target.x + target.width
    assert target.y <= arrow.tip[1] <= target.y + target.height
    for source in way.sources:
        box = boxes[source]
        assert any(
            box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height
            for line in arrow.lines
            for x, y in line
        ), source
