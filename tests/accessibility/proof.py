"""The long form: `python3 run.py prove a11y`. Every page, everybody who may open it, both themes, script and none."""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests import browser as chromium
from tests import world as worlds
from tests.accessibility import looking
from tests.accessibility.looking import Theme
from tests.databases import SQLiteDatabases
from tests.e2e.conftest import serve
from tests.e2e.test_every_page import Stop, programme
from tests.webui.visitor import PASSWORD, address
from tests.world import World
from workflow import database, sessions
from workflow.models import Person

PROCESSES = 2
THEMES: tuple[Theme, ...] = ("light", "dark")


@dataclass
class Seen:
    """What was looked at, and what is wrong with it."""

    pages: int = 0
    looks: int = 0
    by_role: Counter[str] = field(default_factory=Counter)
    titles: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Per person and title: the addresses, without what was asked of them."""
    faults: list[str] = field(default_factory=list)

    def add(self, other: Seen) -> None:
        """Put together what two processes saw."""
        self.pages += other.pages
        self.looks += other.looks
        self.by_role += other.by_role
        self.faults += other.faults
        for key, addresses in other.titles.items():
            self.titles.setdefault(key, set()).update(addresses)


def pages(*, tell: Callable[[str], None] = print) -> None:
    """Look at every page. Raises with everything that is wrong."""
    seen, began = Seen(), time.monotonic()
    with ProcessPoolExecutor(PROCESSES) as processes:
        for found in processes.map(_share, range(PROCESSES)):
            seen.add(found)
    for (who, title), addresses in sorted(seen.titles.items()):
        if len(addresses) > 1:
            seen.faults.append(f"{who or 'a visitor'} finds “{title}” at {', '.join(sorted(addresses))}")
    tell(
        f"{seen.pages} different pages, {seen.looks} looks at them in both themes, with script and without, "
        f"{time.monotonic() - began:.0f} s"
    )
    tell(", ".join(f"{who or 'visitor'} {count}" for who, count in seen.by_role.most_common()))
    if seen.faults:
        raise AssertionError("\n".join([f"{len(seen.faults)} faults", *seen.faults]))


def _share(number: int) -> Seen:
    """Every so many-th page, in a process with a programme, a server and a browser of its own."""
    seen = Seen()
    with _site() as (world, base_url, browser):
        stops = programme(world)[number::PROCESSES]
        windows = {who: _windows(world, base_url, browser, who, seen) for who in ("", *sorted(world.ids))}
        known: set[str] = set()
        for stop in stops:
            for who in [stop.who, *(one for one in windows if one and one != stop.who)] if stop.who else [""]:
                _look(stop, who, windows[who], known, seen)
    return seen


@dataclass
class Windows:
    """One person's browser windows: with the product's script, and where it does not arrive."""

    scripted: Page
    blocked: Page
    complaints: list[str] = field(default_factory=list)
    replaced: tuple[str, ...] = ()
    """What of a page is only this person's name."""


def _look(stop: Stop, who: str, windows: Windows, known: set[str], seen: Seen) -> None:
    """Everything that is asked of a page, once for all who see the same."""
    answer = windows.scripted.context.request.get(stop.address, max_redirects=0)
    if who != stop.who and answer.status != 200:
        return
    page = _without_names(answer.text(), windows.replaced)
    if page in known:
        return
    known.add(page)
    seen.pages += 1
    seen.by_role[who] += 1
    where = f"{stop.name} as {who or 'a visitor'}"
    windows.complaints.clear()
    for name, window in (("", windows.scripted), ("without script ", windows.blocked)):
        window.set_viewport_size({"width": 1280, "height": 900})
        window.emulate_media(color_scheme="light", forced_colors="none", media="screen")
        window.goto(stop.address)
        faults = looking.structure(window) + looking.keyboard(window)
        looking.unfold(window)
        for theme in THEMES:
            window.emulate_media(color_scheme=theme)
            faults += [f"{theme} {one}" for one in looking.axe(window)]
            seen.looks += 1
        if window is windows.scripted:
            title = window.title()
            seen.titles.setdefault((who, title), set()).add(stop.address.partition("?")[0])
            window.emulate_media(color_scheme="light", forced_colors="active")
            window.goto(stop.address)  # what was painted before keeps some of its colours
            looking.unfold(window)
            faults += [f"in forced colours {one}" for one in looking.keyboard(window)]
            window.emulate_media(forced_colors="none")
            faults += looking.fits_however_it_is_read(window)
        seen.faults += [f"{where}: {name}{fault}" for fault in faults]
    seen.faults += [f"{where}: the console says {one}" for one in windows.complaints]


def _without_names(page: str, names: tuple[str, ...]) -> str:
    """A page without what differs between two people who see the same."""
    page = re.sub(r'name="(csrf_token|command)" value="[^"]*"', "", page)
    for name in names:
        page = page.replace(name, "")
    return hashlib.sha256(page.encode()).hexdigest()


@contextmanager
def _site() -> Iterator[tuple[World, str, Browser]]:
    """A served programme with people, and a browser."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="startklar-a11y-")))
        databases = SQLiteDatabases(folder)
        world = worlds.make(databases.fresh("peopled"), folder)
        stack.callback(world.engine.close)
        with database.transaction(world.engine.pool, write=True) as session:
            session.execute(sa.update(Person).values(password=sessions.hash_password(PASSWORD)))
        base_url = stack.enter_context(serve(world.engine))
        if (path := chromium.find()) is None:
            raise AssertionError("there is no Chromium")
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=path, args=chromium.FLAGS)
        stack.callback(browser.close)
        yield world, base_url, browser


def _windows(world: World, base_url: str, browser: Browser, who: str, seen: Seen) -> Windows:
    context = browser.new_context(base_url=base_url, locale="de-DE")
    if who:
        token = sessions.sign_in(world.engine, address(world, who), PASSWORD, "127.0.0.1").token
        context.add_cookies([{"name": "startklar_session", "value": token, "url": base_url}])
    page = context.new_page()
    windows = Windows(page, _blocked(browser, base_url, context).new_page())
    if who:
        windows.replaced = (address(world, who), who.replace("_", " ").title())
    page.on("console", lambda one: windows.complaints.append(one.text) if _is_complaint(one) else None)
    page.on("pageerror", lambda error: windows.complaints.append(str(error)))
    return windows


def _is_complaint(said: ConsoleMessage) -> bool:
    """Errors and warnings, but not that a page which is not there was answered as one."""
    return said.type in ("error", "warning") and "status of 404" not in said.text


def _blocked(browser: Browser, base_url: str, like: BrowserContext) -> BrowserContext:
    """A browser in which no script of the product arrives, as one that filters them; ours still ask their questions."""
    context = browser.new_context(base_url=base_url, locale="de-DE", storage_state=like.storage_state())
    context.route("**/*.js", lambda route: route.abort())
    return context
