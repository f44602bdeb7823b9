"""The frame of the pages in a real browser: without script, by keyboard, on small screens, in both themes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

from tests.webui.visitor import PASSWORD, address
from tests.world import World

pytestmark = [pytest.mark.slow, pytest.mark.one_database]

PAGES = ("/components", "/account", "/no/such/page")
MOST_AT_FIRST, MOST_LATER = 400_000, 50_000
"""Bytes on the line, compressed, fonts included."""
NARROW, WIDE = {"width": 320, "height": 640}, {"width": 1280, "height": 800}


@pytest.fixture
def base_url(app: Flask) -> Iterator[str]:
    """The application, listening."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_window(browser: Browser, base_url: str) -> Iterator[Callable[..., BrowserContext]]:
    """Makes windows of the browser that are closed again."""
    windows: list[BrowserContext] = []

    def window(**wishes: object) -> BrowserContext:
        windows.append(browser.new_context(base_url=base_url, locale="de-DE", **wishes))  # type: ignore[arg-type]
        return windows[-1]

    yield window
    for one in windows:
        one.close()


def sign_in(world: World, window: BrowserContext, who: str = "leitung") -> Page:
    page = window.new_page()
    page.goto("/sign-in")
    page.get_by_label("E-Mail-Adresse").fill(address(world, who))
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    world: World, open_window: Callable[..., BrowserContext], theme: str
) -> None:
    window = open_window(color_scheme=theme)
    complaints: list[str] = []
    page = window.new_page()
    page.on("console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    axe = Axe()

    def examine() -> None:
        for size in (NARROW, WIDE):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            found = [(one["id"], one["nodes"][0]["html"]) for one in axe.run(page).response["violations"]]
            assert found == [], (page.url, size)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], (page.url, size)

    page.goto("/sign-in")
    examine()
    page.get_by_label("E-Mail-Adresse").fill(address(world, "leitung"))
    page.get_by_label("Passwort").fill("falsch")
    page.get_by_role("button", name="Anmelden").click()
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    examine()
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    for address_ in PAGES:
        page.goto(address_)
        examine()
    assert complaints == []


def test_everything_works_without_script(world: World, open_window: Callable[..., BrowserContext]) -> None:
    page = sign_in(world, open_window(java_script_enabled=False))
    page.goto("/account")
    page.get_by_role("button", name="English").click()
    assert page.get_by_role("heading", name="My roles").is_visible()
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-kern-theme") == "dark"
    page.locator("summary", has_text="Leitung").click()
    page.locator(".sk-account__menu").get_by_role("button", name="Sign out").click()
    assert page.get_by_role("heading", name="Sign in").is_visible()
    assert page.get_by_text("You are signed out.").is_visible()


def test_the_keyboard_reaches_the_content_and_closes_the_menu(
    world: World, open_window: Callable[..., BrowserContext]
) -> None:
    page = sign_in(world, open_window())
    page.goto("/account")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Zum Inhalt springen"
    box = page.locator(".sk-skip").bounding_box()
    assert box is not None
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    summary = page.locator(".sk-account summary")
    summary.press("Enter")
    assert page.locator(".sk-account__menu").is_visible()
    page.keyboard.press("Escape")
    assert page.locator(".sk-account__menu").is_hidden()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_arrow_keys_walk_through_the_matrix_and_a_search_is_typed_in_the_head(
    world: World, open_window: Callable[..., BrowserContext]
) -> None:
    cases = {world.open(service): service for service in ("wohngeld", "ikfz")}
    page = sign_in(world, open_window(viewport=WIDE))
    page.goto("/cases/matrix")
    links = page.locator("[data-matrix] td a")
    first, second = (links.nth(at).get_attribute("href") for at in (0, 1))
    links.first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('href')") == second
    assert "Landkreis Mainz-Bingen" in page.locator("[data-here]").inner_text()
    page.keyboard.press("ArrowDown")  # there is none below: the focus stays
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.getAttribute('href')") == first
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{first}")
    assert {first, second} == {str(case_id) for case_id in cases}
    page.locator("#search").fill("mainz bingen")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=mainz+bingen")
    assert page.get_by_role("status").filter(has_text="3 Treffer").is_visible()


def test_a_form_is_sent_once_however_often_one_clicks(world: World, open_window: Callable[..., BrowserContext]) -> None:
    page = sign_in(world, open_window())
    page.goto("/components")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.evaluate("""() => {
        const button = document.querySelector(".sk-banner__button");
        button.click(); button.click(); button.click();
    }""")
    page.get_by_text("Ein Arbeitstag ist vergangen").wait_for()
    assert len(sent) == 1


def test_the_first_page_somebody_ever_opens_weighs_little(
    world: World, open_window: Callable[..., BrowserContext]
) -> None:
    page = open_window().new_page()
    for first, address_ in ((True, "/sign-in"), (False, "/sign-in")):
        page.goto(address_)
        page.evaluate("document.fonts.ready.then(() => null)")
        loaded = page.evaluate("""() => Object.fromEntries(
            [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].map(
                (one) => [one.name.split("/").pop(), one.transferSize]
            )
        )""")
        assert "startklar.css" in loaded
        assert any(name.endswith(".woff2") for name in loaded)
        assert sum(loaded.values()) < (MOST_AT_FIRST if first else MOST_LATER), loaded


def test_dark_is_dark_but_never_black(world: World, open_window: Callable[..., BrowserContext]) -> None:
    page = sign_in(world, open_window(color_scheme="dark"))
    page.goto("/account")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in background[4:-1].split(","))
    assert 0 < red < 60
    assert 0 < green < 60
    assert 0 < blue < 60
