"""Sample documents that tasks point to."""

from __future__ import annotations

from collections.abc import Callable

from tests.webui.pages import sound
from tests.webui.visitor import Visitor, words
from tests.world import World
from webui import prose, rich_text


def test_a_task_leads_to_a_sample_that_can_be_read_and_gone_on_with(
    visit: Callable[[str], Visitor], world: World
) -> None:
    case_id = world.open()
    task = world.task(case_id, "name_contacts")
    town = visit("digi")
    assert 'href="/samples/contacts"' in town.get(f"/tasks/{task}").text

    page = town.get("/samples/contacts")
    sound(page.text)
    said = words(page.text)
    assert "Liste der Ansprechpersonen" in said
    assert "Das ist ein Muster, keine Vorschrift." in said
    assert "<th>Aufgabe</th>" in page.text

    file = town.get("/samples/contacts.rtf")
    assert file.headers["Content-Type"] == "application/rtf"
    assert "attachment" in file.headers["Content-Disposition"]
    assert file.data.startswith(rb"{\rtf1")
    assert rb"So f\u252?llen Sie die Liste aus" in file.data
    assert file.data.count(b"{") - file.data.count(rb"\{") == file.data.count(b"}") - file.data.count(rb"\}")

    assert town.get("/samples/nothing").status_code == 404
    assert visit("auditor").get("/samples/contacts").text.count("List of contact persons") >= 1
    assert 'lang="de"' in visit("auditor").get("/samples/announcement").text

    world.bring(case_id, "accept_terms")
    mailbox = world.prerequisite("functional_mailbox").id
    assert 'href="/samples/mailbox_request"' in town.get(f"/prerequisites/{mailbox}").text


def test_markdown_brings_no_markup_of_its_own() -> None:
    shown = prose.html_of("<script>alert(1)</script> [x](javascript:alert(1)) **fett**")
    assert "<script" not in shown
    assert "href" not in shown
    assert "<strong>fett</strong>" in shown
    written = rich_text.written("a{b}\\c", "–", "😀 {\\object}\n\n1. eins\n2. zwei")
    assert rb"a\{b\}\\c" in written
    assert rb"\u-10179?\u-8704?" in written
    assert rb"\{\\object\}" in written
    assert rb"1.\tab eins" in written
    assert rb"2.\tab zwei" in written
