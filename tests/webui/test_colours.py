"""The colours of both themes: contrast as WCAG 2.1 AA asks for it, and a state scale that is read without colour."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import webui

STYLES = Path(webui.__file__).parent / "static" / "startklar.css"
THEMES = ("light", "dark")
STATES = range(1, 6)

TEXT = (
    *((ink, ground) for ink in ("ink", "muted", "action") for ground in ("page", "surface", "inset", "field")),
    ("on-action", "action"),
    ("action", "action-soft"),
    *((f"{name}-ink", name) for name in ("soon", "late", "good", *(f"state-{number}" for number in STATES))),
    *((f"{name}-icon", "surface") for name in ("late", "good")),
)
"""What is read, on what: at least 4.5 (success criterion 1.4.3)."""
SHAPES = (
    *((f"{name}-icon", name) for name in ("soon", "late", "good", *(f"state-{number}" for number in STATES))),
    *(("focus", ground) for ground in ("page", "surface", "inset", "field")),
    *(("line-strong", ground) for ground in ("page", "surface", "field")),
)
"""Signs, borders of fields and the focus: at least 3 (1.4.11)."""

Colour = tuple[float, float, float]
SEEN = {
    "with all colours": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "without red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "without green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "without blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
"""How people see who lack one kind of cone: Machado, Oliveira and Fernandes 2009, severity 1.0, for linear RGB."""
LEAST_STEP = 7.0
"""Of L* (0 black, 100 white) between neighbours on the scale: told apart side by side without any colour."""


def _tokens(theme: str) -> dict[str, Colour]:
    """The colours of a theme by their names, as linear RGB."""
    position = THEMES.index(theme)
    written = re.findall(r"--sk-([\w-]+): light-dark\(#(\w{6}), #(\w{6})\);", STYLES.read_text("utf-8"))
    return {name: _linear(both[position]) for name, *both in written}


def _linear(written: str) -> Colour:
    red, green, blue = (int(written[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return _straight(red), _straight(green), _straight(blue)


def _straight(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _luminance(colour: Colour) -> float:
    red, green, blue = colour
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: Colour, other: Colour) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _lightness(colour: Colour) -> float:
    light = _luminance(colour)
    return 903.3 * light if light <= 0.008856 else 116 * light ** (1 / 3) - 16


def _as_seen(colour: Colour, rows: tuple[Colour, Colour, Colour]) -> Colour:
    red, green, blue = (
        min(1.0, max(0.0, sum(share * part for share, part in zip(row, colour, strict=True)))) for row in rows
    )
    return red, green, blue


@pytest.mark.parametrize("theme", THEMES)
def test_what_is_read_and_what_is_recognised_stands_out(theme: str) -> None:
    tokens = _tokens(theme)
    weak = [
        f"{name} on {ground}: {found:.2f}"
        for least, pairs in ((4.5, TEXT), (3.0, SHAPES))
        for name, ground in pairs
        if (found := _contrast(tokens[name], tokens[ground])) < least
    ]
    assert not weak


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("eyes", SEEN)
def test_the_state_scale_is_told_apart_by_its_lightness_alone(theme: str, eyes: str) -> None:
    tokens = _tokens(theme)
    scale = [_lightness(_as_seen(tokens[f"state-{number}-fill"], SEEN[eyes])) for number in STATES]
    steps = [after - before for before, after in itertools.pairwise(scale)]
    one_way = -1 if theme == "light" else 1  # darker with every step; on dark ground brighter
    assert min(one_way * step for step in steps) >= LEAST_STEP, [round(step, 1) for step in steps]
