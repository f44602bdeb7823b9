"""A browser without a screen: follows forms the way people do, with their hidden fields."""

from __future__ import annotations

import html
import io
import re
from typing import Any
from uuid import UUID

from flask import Flask
from werkzeug.test import TestResponse

from tests.world import World

PASSWORD = "vier wilde worte hier"


class Visitor:
    """Somebody at the door of an application, signed in or not."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self._csrf: str | None = None

    def get(self, url: str, **more: Any) -> TestResponse:
        """Open a page."""
        return self.client.get(url, **more)

    def post(self, url: str, **fields: str | list[str] | tuple[io.BytesIO, str]) -> TestResponse:
        """Send a form with the token a page of this session carries."""
        if self._csrf is None:
            self._csrf = token_in(self.get("/account").text if self.cookie("session") else self.get("/sign-in").text)
        return self.client.post(url, data={"csrf_token": self._csrf, **fields})

    def sign_in(self, email: str, password: str = PASSWORD, **fields: str) -> TestResponse:
        """Fill in the form of the sign-in page; answers with what came of it."""
        self._csrf = token_in(self.get("/sign-in").text)
        answer = self.post("/sign-in", email=email, password=password, **fields)
        self._csrf = None
        return answer

    def sign_out(self) -> TestResponse:
        """Press the button."""
        answer = self.post("/sign-out")
        self._csrf = None
        return answer

    def cookie(self, name: str) -> str | None:
        """The value of one of our cookies."""
        found = self.client.get_cookie(f"startklar_{name}") or self.client.get_cookie(f"__Host-startklar_{name}")
        return found.value if found is not None else None


def token_in(page: str) -> str:
    """The hidden token of the first form of a page."""
    match = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert match is not None, page
    return match[1]


def words(page: str) -> str:
    """What a page says, without its markup and without where its words may break."""
    text = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", page, flags=re.DOTALL)
    text = re.sub("<wbr>|\N{SOFT HYPHEN}", "", text)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text))).strip()


def address(world: World, who: str) -> str:
    """The email of one of the people of the world."""
    assert isinstance(world[who], UUID)
    return f"{who.replace('_', '-')}@startklar.example"
