"""The product as people meet it: a served application, and a browser window for each of them."""

from __future__ import annotations

import dataclasses
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Locator, Page
from waitress.server import create_server

from tests import world as worlds
from tests.webui.application import application
from tests.webui.visitor import PASSWORD, address
from tests.world import World
from workflow import database, sessions
from workflow.engine import Engine
from workflow.models import Person

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


@dataclass
class Site:
    """A running web door, and who sits in front of it."""

    world: World
    base_url: str
    browser: Browser
    pages: dict[str, Page] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    def window(self, who: str) -> Page:
        """This person's browser window, signed in; that of somebody who is nobody yet for an empty name."""
        if who not in self.pages:
            context = self.browser.new_context(
                base_url=self.base_url, locale="de-DE", viewport={"width": 1280, "height": 900}
            )
            page = context.new_page()
            page.on("console", lambda message: self._complain(who, message.type, message.text))
            page.on("pageerror", lambda error: self.complaints.append(f"{who}: {error}"))
            if who:
                page.goto("/")
                page.get_by_label("E-Mail-Adresse").fill(address(self.world, who))
                page.get_by_label("Passwort", exact=True).fill(PASSWORD)
                page.get_by_role("button", name="Anmelden").click()
                page.wait_for_url(re.compile(r"/(admin)?$"))
            self.pages[who] = page
        return self.pages[who]

    def _complain(self, who: str, kind: str, text: str) -> None:
        refused_on_purpose = re.search(r"status of (404|409|422)", text)
        if kind in ("error", "warning") and not refused_on_purpose:
            self.complaints.append(f"{who}: {text}")


@pytest.fixture(scope="session")
def password_hash() -> str:
    """What is kept of everybody's password."""
    return sessions.hash_password(PASSWORD)


@pytest.fixture
def site(peopled_database_url: str, tmp_path: Path, password_hash: str, browser: Browser) -> Iterator[Site]:
    """The application served by the server of the demo, on a free port."""
    world = worlds.make(peopled_database_url, tmp_path)
    with database.transaction(world.engine.pool, write=True) as session:
        session.execute(sa.update(Person).values(password=password_hash))
    with serve(world.engine) as base_url:
        made = Site(world, base_url, browser)
        yield made
        for page in made.pages.values():
            page.context.close()
    world.engine.close()
    assert made.complaints == []


class serve:  # noqa: N801 - reads as a verb
    """Serve an engine's web door on a free port until the block ends."""

    def __init__(self, engine: Engine) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}"
        engine.settings = dataclasses.replace(engine.settings, base_url=self.base_url)
        self._server = create_server(
            application(engine, engine.settings),
            host="127.0.0.1",
            port=port,
            threads=8,
            connection_limit=1000,  # many people's browsers, each with several connections
            clear_untrusted_proxy_headers=True,
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        return self.base_url

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self._thread.join(5)


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus, as somebody without a mouse does; the focus must be seen there."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if wanted.evaluate(_HAS_FOCUS):
            return
    raise AssertionError(f"no way to {wanted} by keyboard")


_HAS_FOCUS = "one => one === document.activeElement && one.matches(':focus-visible')"


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    """A document to upload."""
    path = tmp_path / "Vertrag.pdf"
    path.write_bytes(PDF)
    return path
