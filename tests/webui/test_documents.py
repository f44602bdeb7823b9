"""Files on their way out of the house."""

from __future__ import annotations

import io
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from tests.webui.visitor import Visitor
from tests.world import World
from webui.documents import disposition
from workflow import documents
from workflow.models import Document

CONTENT = b"%PDF-1.7\n% Nutzungsbedingungen\n" + bytes(range(256)) * 20


@pytest.fixture
def document(world: World) -> UUID:
    """A file the town handed in with a task of its case."""
    file = documents.store(world.engine.settings.documents, io.BytesIO(CONTENT), 'Bedingungen für Köln – "neu".pdf')
    world.finish_state(world.open(), accept_terms={"signed_terms": file})
    with world.look() as work:
        return work.session.execute(sa.select(Document.id).where(Document.sha256 == file.sha256)).scalar_one()


def test_a_file_comes_as_an_attachment_and_can_do_nothing(visit: Callable[[str], Visitor], document: UUID) -> None:
    answer = visit("digi").get(f"/documents/{document}")
    assert answer.status_code == 200
    assert answer.data == CONTENT
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Length"] == str(len(CONTENT))
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="Bedingungen f_r K_ln _ _neu_.pdf"; '
        "filename*=UTF-8''Bedingungen%20f%C3%BCr%20K%C3%B6ln%20%E2%80%93%20%22neu%22.pdf"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers
    assert "Last-Modified" not in answer.headers


def test_a_file_is_there_for_who_may_see_its_case_and_for_nobody_else(
    visit: Callable[[str], Visitor], stranger: Visitor, document: UUID
) -> None:
    for who in ("digi", "leitung", "team", "supervisor", "office", "auditor"):
        assert visit(who).get(f"/documents/{document}").status_code == 200, who
    for who in ("stranger", "other_team", "operator", "admin"):
        answer = visit(who).get(f"/documents/{document}")
        assert (answer.status_code, b"%PDF" in answer.data) == (404, False), who
    answer = stranger.get(f"/documents/{document}")
    assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/sign-in")


def test_a_guessed_file_and_a_lost_one_are_not_found(
    visit: Callable[[str], Visitor], world: World, document: UUID
) -> None:
    visitor = visit("digi")
    for name in (str(uuid4()), "x", "..%2f..%2fetc%2fpasswd"):
        assert visitor.get(f"/documents/{name}").status_code == 404, name
    with world.look() as work:
        digest = work.session.execute(sa.select(Document.sha256).where(Document.id == document)).scalar_one()
    documents.path_of(world.engine.settings.documents, digest).unlink()
    assert visitor.get(f"/documents/{document}").status_code == 404


def test_asking_for_the_headers_alone_sends_no_content(visit: Callable[[str], Visitor], document: UUID) -> None:
    answer = visit("digi").client.head(f"/documents/{document}")
    assert (answer.status_code, answer.data) == (200, b"")


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("vertrag.pdf", "vertrag.pdf"),
        ('a"b;c.pdf', "a_b_c.pdf"),
        ("ä.pdf", "_.pdf"),
        ("a\\b.pdf", "a_b.pdf"),
        ("合同.pdf", "__.pdf"),
        ("", "document"),
    ],
)
def test_no_name_of_a_file_breaks_out_of_its_header(name: str, plain: str) -> None:
    said = disposition(name)
    assert said.startswith(f"attachment; filename=\"{plain}\"; filename*=UTF-8''")
    assert said.isascii()
    assert said.count('"') == 2
