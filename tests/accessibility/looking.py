"""What is asked of a page that is open in a browser. Each question answers with sentences about what is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

Theme = Literal["light", "dark"]

DESKTOP = (1280, 900)
PHONE = (320, 640)
"""As narrow as a page must fit (WCAG 1.4.10)."""
ZOOMED = (640, 450)
"""What is left of a desktop at 200 %."""
PAPER = (718, 1000)
"""A4 between its margins."""

COLOURS = ("color-contrast", "link-in-text-block")
"""What may differ between two themes of one page."""
_OURS = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")


def axe(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """What axe finds: WCAG 2.1 A and AA, its best practices, and targets of at least 24 px; or only these rules."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    wanted: dict[str, object] = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
    if rules:
        wanted = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": list(rules)}}
    found = page.evaluate(
        f"axe.run({json.dumps(wanted)}).then(found => found.violations.map(one => [one.id, one.nodes.map(node => "
        "[node.html, node.failureSummary])]))"
    )
    return [
        f"{name}: {html[:160]} ({' '.join(summary.split())[:200]}){f' and {len(nodes) - 1} more' if nodes[1:] else ''}"
        for name, nodes in found
        for html, summary in nodes[:1]
    ]


def structure(page: Page) -> list[str]:
    """Title, language, headings and landmarks."""
    return _ours(page, "structure()")


def fits(page: Page, size: tuple[int, int]) -> list[str]:
    """Whether it scrolls sideways at this size, with all that folds unfolded."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    unfold(page)
    return _ours(page, "sideways()")


def fits_however_it_is_read(page: Page) -> list[str]:
    """On a phone, at 200 %, with letters twice as large, with the spacing of WCAG 1.4.12, on paper."""
    faults = fits(page, PHONE) + fits(page, ZOOMED)
    page.emulate_media(media="print")
    faults += [f"on paper it {one}" for one in fits(page, PAPER)]
    page.emulate_media(media="screen")
    page.evaluate("looked.enlarge('200%')")
    faults += [f"with large letters it {one}" for one in fits(page, DESKTOP)]
    page.evaluate("looked.enlarge(''); looked.space()")
    return faults + [f"with wide spacing it {one}" for one in fits(page, PHONE)]


def unfold(page: Page) -> None:
    """Unfold what folds, so that what it holds is looked at too."""
    _ours(page, "unfold()")


def keyboard(page: Page) -> list[str]:
    """Whether Tab stops everywhere and goes on, and whether one sees where it is."""
    stops = cast("int", _ask(page, "follow()"))
    for _ in range(stops + 2):
        page.keyboard.press("Tab")
    return _ours(page, "followed()")


def _ours(page: Page, question: str) -> list[str]:
    return cast("list[str]", _ask(page, question) or [])


def _ask(page: Page, question: str) -> object:
    if not page.evaluate("typeof window.looked === 'object'"):
        page.evaluate(_OURS)
    return page.evaluate(f"looked.{question}")
