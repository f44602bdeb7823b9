"""A process as a drawing: states from left to right, tasks below their state, every transition an arrow.

Here is reckoned where things stand, in pixels; `_diagram.html` draws it. The main road runs from left to right. States
beside it (a pause, an end) stand in a row above. Between the two rows each transition that is no step to the next state
has a lane of its own, so that no two arrows lie on each other; they cross at right angles only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["forward", "back", "side"]

COLUMN, GAP, MARGIN = 186, 78, 14
SIDE, SIDE_GAP = 156, 24
LINE, SMALL_LINE, HEAD_LINE = 17, 15, 18
TEXT, SMALL, HEAD = 13, 12, 14
"""Sizes of letters: titles of tasks; owners and arrows; titles of states."""
LANE = 30
PORT = 8
_PAD = 10
_SEAM = re.compile(r"(?:ungs|keits|heits|schafts|ions|itäts|ahrens|-)")
"""What German compounds are joined by."""
_NUMBER = 26


@dataclass(frozen=True, slots=True)
class Step:
    """A task as the drawing shows it."""

    number: int
    title: str
    owner: str
    after: tuple[int, ...] = ()
    """Numbers of the tasks it waits for."""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A state: on the main road, or beside it."""

    key: str
    title: str
    beside: bool = False
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """A transition."""

    key: str
    title: str
    sources: tuple[str, ...]
    target: str
    back: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Lines of words; `y` is the base line of the first."""

    x: float
    y: float
    lines: tuple[str, ...]
    step: int


@dataclass(frozen=True, slots=True)
class Box:
    """A state as it is drawn: its frame, and for one on the road the height of its head."""

    key: str
    x: float
    y: float
    width: float
    height: float
    head: float
    title: Words
    beside: bool
    scale: int
    """On the five colours of the state scale; 0 beside the road."""
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is drawn."""

    number: int
    y: float
    """Of the centre of its number."""
    x: float
    title: Words
    owner: Words
    after: Words | None


@dataclass(frozen=True, slots=True)
class Arrow:
    """A transition as it is drawn: lines that belong together, the heads of arrows, its words."""

    key: str
    kind: Kind
    lines: tuple[tuple[tuple[float, float], ...], ...]
    tip: tuple[float, float]
    points: Literal["right", "down", "up"]
    label: Words
    centred: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything with its place."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def drawn(places: Sequence[Place], ways: Sequence[Way]) -> Drawing:
    """Where everything stands. Every place and every way is in it."""
    road = [place for place in places if not place.beside]
    beside = [place for place in places if place.beside]
    order = {place.key: number for number, place in enumerate(road)}
    x_of = {
        place.key: float(MARGIN + number * (COLUMN + GAP)) for place, number in zip(road, order.values(), strict=True)
    }
    steps, lanes = _split(ways, order)

    heads = {place.key: wrapped(place.title, COLUMN - 2 * _PAD, HEAD) for place in road}
    head = max((len(lines) for lines in heads.values()), default=1) * HEAD_LINE + 2 * _PAD
    labels = {way.key: wrapped(way.title, GAP - 12, SMALL) for way in steps}
    above = max((len(lines) for lines in labels.values()), default=0) * SMALL_LINE - head / 2 + 12

    tops = {place.key: wrapped(place.title, SIDE - 2 * _PAD, HEAD) for place in beside}
    top = max((len(lines) for lines in tops.values()), default=0) * HEAD_LINE + (2 * _PAD if tops else 0)
    x_of |= _beside(beside, ways, x_of)
    first_lane = MARGIN + top + 34
    road_y = first_lane + max(len(lanes) - 1, 0) * LANE + max(28, above) if lanes else MARGIN + top + max(16, above)

    boxes = [
        *(_side_box(place, x_of[place.key], top, tops[place.key]) for place in beside),
        *(
            _road_box(place, x_of[place.key], road_y, head, heads[place.key], _scale(number, len(road)))
            for number, place in enumerate(road)
        ),
    ]
    by_key = {box.key: box for box in boxes}
    arrows = [_step(way, by_key, labels[way.key]) for way in steps]
    arrows += _along_lanes(lanes, by_key, first_lane)
    width = max([box.x + box.width for box in boxes] + [_right(arrow) for arrow in arrows]) + MARGIN
    height = max(box.y + box.height for box in boxes) + MARGIN
    return Drawing(width, height, tuple(boxes), tuple(arrows))


def wrapped(text: str, width: float, size: int) -> tuple[str, ...]:
    """The text in lines of at most this width; a word that is wider by itself is cut with a hyphen."""
    lines: list[str] = []
    for whole in text.split():
        word = whole
        if lines and wide(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
            continue
        while wide(word, size) > width:
            cut = _cut(word, width, size)
            lines.append(word[:cut].removesuffix("-") + "-")
            word = word[cut:]
        lines.append(word)
    return tuple(lines) or ("",)


def _cut(word: str, width: float, size: int) -> int:
    """Where a word that is too wide is cut: between the parts of a compound if one sees them, else where it must be."""
    most = max((end for end in range(1, len(word)) if wide(word[:end] + "-", size) <= width), default=1)
    seams = [found.end() for found in _SEAM.finditer(word) if 4 <= found.end() <= min(most, len(word) - 3)]
    return seams[-1] if seams else max(min(most, len(word) - 4), 1)


def wide(text: str, size: int) -> float:
    """How wide a text is at most, in the typeface of the pages."""
    return sum(_width(character) for character in text) * size


def _width(character: str) -> float:
    if character in "iljtfrI.,:;'|!()[]-/ „“‘’":
        return 0.36
    if character in "mwMW@%–—":
        return 0.86
    return 0.66 if character.isupper() else 0.565


def _split(ways: Iterable[Way], order: Mapping[str, int]) -> tuple[list[Way], list[Way]]:
    """What leads straight to the next state, once for each pair; and everything else, the shortest ways first."""
    steps: list[Way] = []
    lanes: list[Way] = []
    taken: set[str] = set()
    for way in ways:
        source = way.sources[0]
        is_next = len(way.sources) == 1 and order.get(way.target, -9) == order.get(source, -99) + 1
        if is_next and not way.back and source not in taken:
            taken.add(source)
            steps.append(way)
        else:
            lanes.append(way)

    def span(way: Way) -> tuple[bool, int, int]:
        """Ways along the road lie next to it; of the others those with many sources lie lowest."""
        ends = [order[key] for key in (*way.sources, way.target) if key in order]
        on_road = way.target in order and all(key in order for key in way.sources)
        return not on_road, -len(way.sources), max(ends, default=0) - min(ends, default=0)

    return steps, sorted(lanes, key=span)


def _beside(beside: Sequence[Place], ways: Iterable[Way], x_of: Mapping[str, float]) -> dict[str, float]:
    """Where the states beside the road stand: above those they are reached from, none on another."""
    wished: dict[str, float] = {}
    ways = tuple(ways)
    for place in beside:
        ends = [x_of[key] for way in ways if way.target == place.key for key in way.sources if key in x_of]
        ends += [x_of[way.target] for way in ways if place.key in way.sources and way.target in x_of]
        wished[place.key] = sum(ends) / len(ends) + (COLUMN - SIDE) / 2 if ends else float(MARGIN)
    found: dict[str, float] = {}
    free = float(MARGIN)
    for key in sorted(wished, key=lambda key: wished[key]):
        found[key] = _on_grid(max(free, wished[key]), 4)
        free = found[key] + SIDE + SIDE_GAP
    room = max(x_of.values(), default=0.0) + COLUMN
    for key in reversed(found):  # what sticks out on the right moves to the left
        over = found[key] + SIDE - room
        if over <= 0:
            break
        found[key] -= (over // PORT + 1) * PORT
        room = found[key] - SIDE_GAP
    lacking = MARGIN - min(found.values(), default=float(MARGIN))
    return {key: _on_grid(x + max(lacking, 0), 4) for key, x in found.items()}


def _side_box(place: Place, x: float, height: float, lines: tuple[str, ...]) -> Box:
    title = Words(x + SIDE / 2, MARGIN + _PAD + HEAD, lines, HEAD_LINE)
    return Box(place.key, x, MARGIN, SIDE, height, height, title, beside=True, scale=0)


def _road_box(place: Place, x: float, y: float, head: float, lines: tuple[str, ...], scale: int) -> Box:
    """A state of the road with its tasks below each other."""
    title = Words(x + COLUMN / 2, y + (head - len(lines) * HEAD_LINE) / 2 + HEAD, lines, HEAD_LINE)
    room = COLUMN - _NUMBER - 2 * _PAD
    below = y + head + _PAD
    tasks: list[Task] = []
    for step in place.steps:
        left = x + _PAD + _NUMBER
        words = Words(left, below + TEXT, wrapped(step.title, room, TEXT), LINE)
        below += len(words.lines) * LINE
        owner = Words(left, below + SMALL, wrapped(step.owner, room, SMALL), SMALL_LINE)
        below += len(owner.lines) * SMALL_LINE
        after = None
        if step.after:
            # The arrow says what the list below says in words.
            waits = wrapped(f"← {', '.join(str(number) for number in step.after)}", room, SMALL)
            after = Words(left, below + SMALL, waits, SMALL_LINE)
            below += len(waits) * SMALL_LINE
        tasks.append(Task(step.number, words.y - TEXT / 2 + 2, x + _PAD + 9, words, owner, after))
        below += _PAD
    return Box(place.key, x, y, COLUMN, below - y, head, title, beside=False, scale=scale, tasks=tuple(tasks))


def _scale(position: int, of: int) -> int:
    """1 to 5, as on every page."""
    return 5 if position + 1 >= of else 1 + position * 4 // max(of - 1, 1)


def _step(way: Way, boxes: Mapping[str, Box], lines: tuple[str, ...]) -> Arrow:
    source, target = boxes[way.sources[0]], boxes[way.target]
    y = source.y + source.head / 2
    start, end = source.x + source.width, target.x
    label = Words((start + end) / 2, y - 8 - (len(lines) - 1) * SMALL_LINE, lines, SMALL_LINE)
    return Arrow(way.key, "forward", (((start, y), (end - 8, y)),), (end, y), "right", label, centred=True)


def _along_lanes(ways: Sequence[Way], boxes: Mapping[str, Box], first: float) -> list[Arrow]:
    """Each on its own lane, the first one lowest; ends at the same box stand apart from each other."""
    ports = _ports(ways, boxes)
    lowest = first + (len(ways) - 1) * LANE
    arrows: list[Arrow] = []
    for number, way in enumerate(ways):
        y = lowest - number * LANE
        to = ports[way.key, "", way.target]
        starts = [ports[way.key, "from", source] for source in way.sources]
        lines = [((x, _edge(boxes[source])), (x, y)) for x, source in zip(starts, way.sources, strict=True)]
        xs = [*starts, to]
        lines.append(((min(xs), y), (max(xs), y)))
        down = not boxes[way.target].beside
        tip = (to, _edge(boxes[way.target]))
        lines.append(((to, y), (to, tip[1] - 8 if down else tip[1] + 8)))
        on_road = all(not boxes[key].beside for key in (*way.sources, way.target))
        kind: Kind = "back" if way.back else "forward" if on_road else "side"
        label = Words(min(xs) + 6, y - 5, (("↩ " if way.back else "") + way.title,), SMALL_LINE)
        arrows.append(Arrow(way.key, kind, tuple(lines), tip, "down" if down else "up", label))
    return arrows


def _ports(ways: Sequence[Way], boxes: Mapping[str, Box]) -> dict[tuple[str, str, str], float]:
    """Where on the edge of its box each end stands: ordered by where the other end is, so that few lines cross."""
    wanted: dict[str, list[tuple[float, str, str]]] = {}
    for way in ways:
        middle = sum(boxes[key].x for key in way.sources) / len(way.sources)
        wanted.setdefault(way.target, []).append((middle, way.key, ""))
        for source in way.sources:
            wanted.setdefault(source, []).append((boxes[way.target].x, way.key, "from"))
    found: dict[tuple[str, str, str], float] = {}
    for key, ends in wanted.items():
        box = boxes[key]
        apart = box.width / (len(ends) + 1)
        for number, (_, way_key, end) in enumerate(sorted(ends), start=1):
            found[way_key, end, key] = _on_grid(box.x + number * apart, 4 if box.beside else 0)
    return found


def _on_grid(x: float, offset: int) -> float:
    """The next place of a grid; ends above and ends below have grids of their own and never lie on each other."""
    return round((x - offset) / PORT) * PORT + offset


def _edge(box: Box) -> float:
    """Where lanes reach a box: the upper edge on the road, the lower one beside it."""
    return box.y + box.height if box.beside else box.y


def _right(arrow: Arrow) -> float:
    """How far to the right an arrow and its words reach."""
    reach = [x for line in arrow.lines for x, _ in line]
    if not arrow.centred:
        reach += [arrow.label.x + wide(line, SMALL) for line in arrow.label.lines]
    return max(reach)
