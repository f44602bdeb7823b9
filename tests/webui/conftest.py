"""The application in front of a world of people who all have a password."""

from __future__ import annotations

from collections.abc import Callable

import argon2
import pytest
import sqlalchemy as sa
from flask import Flask

from tests.conftest import Prepare
from tests.webui.application import application
from tests.webui.visitor import PASSWORD, Visitor, address
from tests.world import World
from workflow import database, sessions
from workflow.models import Person


def nothing_yet(_world: World) -> None:
    """Nobody has done anything."""


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with its smallest parameters: the same code, a thousand times faster."""
    monkeypatch.setattr(sessions, "_HASHER", argon2.PasswordHasher.from_parameters(argon2.profiles.CHEAPEST))
    sessions._nobodys_hash.cache_clear()


@pytest.fixture
def password_hash(cheap_hashes: None) -> str:
    """What is kept of everybody's password."""
    return sessions.hash_password(PASSWORD)


@pytest.fixture
def begun() -> Callable[[World], None]:
    """What the people of `world` have done before a test begins; a module that needs more says so by its own."""
    return nothing_yet


@pytest.fixture
def world(prepared: Prepare, begun: Callable[[World], None], password_hash: str) -> World:
    """People around a few real municipalities, on a database of this test."""
    made, _ = prepared(begun)
    with database.transaction(made.engine.pool, write=True) as session:
        session.execute(sa.update(Person).values(password=password_hash))
    return made


@pytest.fixture
def app(world: World) -> Flask:
    """The application as it is served."""
    return application(world.engine, world.engine.settings)


@pytest.fixture
def stranger(app: Flask) -> Visitor:
    """Somebody who has not signed in."""
    return Visitor(app)


@pytest.fixture
def visit(app: Flask, world: World) -> Callable[[str], Visitor]:
    """`visit("leitung")`: that person, signed in at a browser of their own."""

    def signed_in(who: str) -> Visitor:
        visitor = Visitor(app)
        answer = visitor.sign_in(address(world, who))
        assert answer.status_code == 303, answer.text
        return visitor

    return signed_in
