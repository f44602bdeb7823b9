"""The list of cases and its board: what the address narrows them to, how they are laid out, and their other faces."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, current_app, render_template, request, url_for

from webui import session, wording
from workflow import views
from workflow.definition import Text
from workflow.queries import case_board, case_list
from workflow.queries.case_list import CaseList, Cursor, Filters, Options
from workflow.queries.case_order import BY_BODY, SORTS, Sort
from workflow.views import View

blueprint = Blueprint("case_list", __name__)

COLUMNS = (
    "body", "district", "service", "state", "since", "next", "who", "due", "waits_for", "team", "wave", "variant",
    "operator", "live_since", "changed", "number",
)  # fmt: skip
"""What a line of the list can say, in this order."""
USUAL = ("body", "service", "state", "since", "next", "who", "due", "number")
NAMED = "service"
"""The column that leads to the case is always there."""

_WORDS = {
    "q": "text", "service": "service", "state": "state", "team": "team", "district": "district", "body": "body",
    "wave": "wave", "waiting_for": "waits_for", "blocker": "blocker", "operator": "operator", "variant": "variant",
    "role": "acting", "prerequisite": "prerequisite", "milestone": "milestone", "occasion": "occasion",
    "cluster": "cluster",
}  # fmt: skip
_DAYS = ("live_since", "opened_since", "changed_since", "unchanged_since")
_FLAGS = (
    "left", "overdue", "escalated", "rests", "next_rounds", "taken_over", "unreached", "delegated",
)  # fmt: skip
WITHIN = (0, 5, 10, 20)
"""Working days somebody may ask for: what falls due today, within one week, two or four."""
_TYPED_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})\Z")

VIEWED = {"cases": "case_list.show", "board": "case_list.board", "matrix": "matrix.show"}
"""The pages of which a view can be kept (`workflow.views.PAGES`)."""

VISIBLE = ("q", "service", "district", "role", "due_within")
"""Filters that are always there; the others are folded away."""
FOLDED = (
    "body", "team", "wave", "cluster", "operator", "variant", "waiting_for", "blocker", "prerequisite", "milestone",
    "occasion", *_DAYS, "unreached", "delegated",
)  # fmt: skip


@blueprint.get("/cases")
def show() -> str:
    """Every case the person may know about, narrowed, sorted and laid out as the address says."""
    with session.engine().read(session.me()) as work:
        found = case_list.cases(work, asked(), Cursor(after=_one("after"), before=_one("before")), _sort())
        saved = views.of_actor(work)
    address = Addresses("case_list.show", found.filters, found.sort, _columns())
    return render_template(
        "case_list.html", found=found, address=address, columns=address.columns, **around(address, found, saved)
    )


@blueprint.get("/cases/board")
def board() -> str:
    """The same cases by where they stand, the most urgent first."""
    with session.engine().read(session.me()) as work:
        shown = case_board.board(work, asked())
        saved = views.of_actor(work)
    found = shown.found
    address = Addresses("case_list.board", found.filters, _sort(), _columns())
    return render_template(
        "case_board.html", board=shown, found=found, address=address, **around(address, found, saved)
    )


def asked() -> Filters:
    """What the address narrows to."""
    within = request.args.get("due_within", type=int)
    vendor = _one("vendor")
    narrowed: dict[str, Any] = {field: _one(name) for name, field in _WORDS.items() if _one(name)}
    narrowed |= {name: day for name in _DAYS if (day := _day(name)) is not None}
    narrowed |= {name: True for name in _FLAGS if request.args.get(name) == "yes"}
    if vendor:
        narrowed.setdefault("waits_for", f"vendor:{vendor}")
    return Filters(**narrowed, due_within=within)


class Addresses:
    """Addresses of what shows the same cases, narrowed otherwise: `address(state="live")`, `address(overdue=None)`."""

    def __init__(self, endpoint: str, filters: Filters, sort: Sort = BY_BODY, columns: Sequence[str] = USUAL):
        self.endpoint = endpoint
        self.sort = sort
        self.columns = tuple(columns)
        within = filters.due_within
        self.filters: dict[str, str | None] = {
            **{name: getattr(filters, field) or None for name, field in _WORDS.items()},
            **{name: day.isoformat() if (day := getattr(filters, name)) else None for name in _DAYS},
            **{name: "yes" if getattr(filters, name) else None for name in _FLAGS},
            "due_within": None if within is None else str(within),
        }
        self.layout: dict[str, str | list[str] | None] = {
            "sort": None if sort == BY_BODY else f"-{sort.by}" if sort.descending else sort.by,
            "column": None if self.columns == USUAL else list(self.columns),
        }
        self.present = {**self.filters, **self.layout}

    def __call__(self, **changed: Any) -> str:
        return self.on(self.endpoint, **changed)

    def on(self, endpoint: str, **changed: Any) -> str:
        """The same cases on another page."""
        wanted: dict[str, Any] = {name: value for name, value in {**self.present, **changed}.items() if value}
        return url_for(endpoint, **wanted)

    def reset(self) -> str:
        """All cases, laid out as they are."""
        return self(**dict.fromkeys(self.filters))

    def query(self) -> str:
        """What stands behind the question mark."""
        return self().partition("?")[2]

    def page(self, cursor: Cursor | None) -> str | None:
        """The address of a page of this very list."""
        if cursor is None:
            return None
        return self(after=cursor.after, before=cursor.before)

    def by(self, column: str) -> str:
        """The list by this column; by it already, the other way round."""
        turned = self.sort.by == column and not self.sort.descending
        return self(sort=f"-{column}" if turned else None if column == "body" else column)

    def aria_sort(self, column: str) -> str | None:
        """Which way the list goes by this column; None when it goes by another."""
        if self.sort.by != column:
            return None
        return "descending" if self.sort.descending else "ascending"

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """What a form of this page carries along besides its own fields."""
        pairs: list[tuple[str, str]] = []
        for name, value in self.present.items():
            if value and name not in without:
                pairs += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return pairs


def laid_out(endpoint: str, filters: Filters) -> Addresses:
    """Addresses of a page of these cases that carries along how the list is sorted and which columns it has."""
    return Addresses(endpoint, filters, _sort(), _columns())


def around(address: Addresses, found: CaseList, saved: Sequence[View] = ()) -> dict[str, Any]:
    """What every page of these cases shows around them."""
    return {
        "faces": faces(address),
        **kept(address, saved),
        "choices": choices(found.options),
        "chips": _chips(address, found),
        "folded": sum(1 for name in FOLDED if address.filters[name]),
        "sorts": SORTS,
        "all_columns": [name for name in COLUMNS if name != NAMED],
        "USUAL": USUAL,
    }


def kept(address: Addresses, saved: Sequence[View]) -> dict[str, Any]:
    """The views to choose from, and under which name this page can become one."""
    return {
        "views": [(view, address_of(view), is_open(view, address)) for view in saved],
        "page_name": next((name for name, endpoint in VIEWED.items() if endpoint == address.endpoint), None),
    }


def address_of(view: View) -> str:
    """Where a view leads."""
    path = url_for(VIEWED[view.page])
    return f"{path}?{view.query}" if view.query else path


def is_open(view: View, address: Addresses) -> bool:
    """Whether this very page is what the view stands for."""
    here = sorted(parse_qsl(address.query()))
    return VIEWED[view.page] == address.endpoint and sorted(parse_qsl(view.query)) == here


def faces(address: Addresses) -> list[tuple[str, str, bool]]:
    """The pages that show the same cases, for `tabs`."""
    pages = (("case_list.show", "faces.list"), ("case_list.board", "faces.board"), ("matrix.show", "faces.matrix"))
    return [
        (wording.t(key), address.on(endpoint), endpoint == address.endpoint)
        for endpoint, key in pages
        if endpoint in current_app.view_functions
    ]


def choices(options: Options) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen in each filter, in words; nothing where there is no choice."""
    offered: Mapping[str, Iterable[tuple[str, Text | str]]] = {
        "service": options.services,
        "district": options.districts,
        "role": options.roles,
        "body": options.bodies,
        "team": options.teams,
        "wave": options.waves,
        "cluster": options.clusters,
        "operator": options.operators,
        "variant": options.variants,
        "waiting_for": options.parties,
        "blocker": options.blockers,
        "prerequisite": options.prerequisites,
        "milestone": options.milestones,
        "occasion": options.occasions,
    }
    found = {name: [(key, wording.title(words)) for key, words in pairs] for name, pairs in offered.items()}
    few = ("service", "district", "team", "body")
    found |= {name: [] for name in few if len(found[name]) < 2}
    found["due_within"] = [(str(days), wording.t(f"case_list.within.{days}")) for days in WITHIN]
    return found


def _chips(address: Addresses, found: CaseList) -> list[tuple[str, str | None, str]]:
    """What the list is narrowed to, one by one: name, value, and the address without it."""
    filters = found.filters
    offered = choices(found.options)
    said: dict[str, str | None] = {
        **{
            name: dict(offered[name]).get(value) for name, value in address.filters.items() if value and name in offered
        },
        **{name: wording.plain_day(day) for name in _DAYS if (day := getattr(filters, name))},
    }
    if service := address.filters["service"]:
        said["service"] = wording.title(dict(found.options.services)[service])
    for name, pairs in (("district", found.options.districts), ("team", found.options.teams)):
        if value := address.filters[name]:
            said[name] = dict(pairs)[value]
    if filters.text:
        said["q"] = filters.text
    if filters.body and found.body_name:
        said["body"] = found.body_name
    if filters.waits_for and found.party:
        said["waiting_for"] = wording.title(found.party)
    if filters.due_within is not None and not said.get("due_within"):
        said["due_within"] = wording.t("case_list.within", n=filters.due_within)
    chips: list[tuple[str, str | None, str]] = [
        (
            wording.t(f"case_list.{name}" if name != "q" else "case_list.search_short"),
            said[name],
            address(**{name: None}),
        )
        for name in (*VISIBLE, *FOLDED)
        if said.get(name)
    ]
    flags = [name for name in ("unreached", "delegated") if address.filters[name]]
    return chips + [(wording.t(f"case_list.{name}"), None, address(**{name: None})) for name in flags]


def _sort() -> Sort:
    """How the address wants it sorted."""
    written = request.args.get("sort", "")
    by = written.removeprefix("-")
    return Sort(by, written.startswith("-")) if by in SORTS else BY_BODY


def _columns() -> tuple[str, ...]:
    """Which columns the address wants, in the order of all; the usual ones when it names none there is."""
    wanted = set(request.args.getlist("column")) & set(COLUMNS)
    return tuple(name for name in COLUMNS if name in wanted or name == NAMED) if wanted else USUAL


def _one(name: str) -> str | None:
    return request.args.get(name) or None


def _day(name: str) -> dt.date | None:
    """A day as addresses write it, or as people do (11.06.2026); whatever is none narrows nothing."""
    written = request.args.get(name, "").strip()
    try:
        if typed := _TYPED_DAY.match(written):
            day, month, year = typed.groups()
            return dt.date(int(year), int(month), int(day))
        return dt.date.fromisoformat(written)
    except ValueError:
        return None
