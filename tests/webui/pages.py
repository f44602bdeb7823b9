"""What holds for the markup of every page, and the forms that stand on one."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser


class _Reader(HTMLParser):
    """Notes everything that others refer to."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.references: list[tuple[str, str]] = []
        self.labels: set[str] = set()
        self.inputs: list[dict[str, str]] = []
        self.tabindex: list[int] = []
        self.headings: list[int] = []
        self.forms: list[dict[str, str]] = []
        self.fields: dict[int, list[dict[str, str]]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        for name in ("aria-describedby", "aria-labelledby", "aria-controls"):
            self.references += [(name, one) for one in given.get(name, "").split()]
        if given.get("href", "").startswith("#"):
            self.references.append(("href", given["href"][1:]))
        if tag == "label":
            self.labels.add(given.get("for", ""))
        if tag in ("input", "select", "textarea"):
            self.inputs.append(given)
            if self.forms:
                self.fields.setdefault(len(self.forms) - 1, []).append(given)
        if "tabindex" in given:
            self.tabindex.append(int(given["tabindex"]))
        if tag == "form":
            self.forms.append(given)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))


def sound(page: str) -> None:
    """Whatever refers to something finds it, every input has its label, the keyboard meets things in reading order.

    Every form that changes something carries the token, unless its address is the proof; one that sends files says so.
    """
    reader = _read(page)
    assert len(reader.ids) == len(set(reader.ids)), sorted(one for one in reader.ids if reader.ids.count(one) > 1)
    for name, reference in reader.references:
        assert reference in reader.ids, (name, reference)
    for field in reader.inputs:
        if field.get("type") != "hidden" and field.get("aria-hidden") != "true":
            assert field.get("id") in reader.labels, field
    assert all(index <= 0 for index in reader.tabindex), reader.tabindex
    assert reader.headings.count(1) == 1, reader.headings
    for before, after in zip([0, *reader.headings], reader.headings, strict=False):
        assert after <= before + 1, reader.headings
    for position, form in enumerate(reader.forms):
        fields = reader.fields.get(position, [])
        if form.get("method", "").lower() == "post" and not form.get("action", "").startswith("/reply/"):
            assert any(field.get("name") == "csrf_token" and field.get("value") for field in fields), form
        if any(field.get("type") == "file" for field in fields):
            assert form.get("enctype") == "multipart/form-data", form


def of_another_window(form: dict[str, str]) -> dict[str, str]:
    """The same form as a second window shows it, opened when the first was: what it sends is no repetition."""
    return {**form, "command": form["command"] + "-2"}


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that goes to an address ending like this, without the token."""
    reader = _read(page)
    for position, form in enumerate(reader.forms):
        if form.get("action", "").endswith(action):
            return {
                field["name"]: field.get("value", "")
                for field in reader.fields.get(position, [])
                if field.get("type") == "hidden" and field["name"] != "csrf_token"
            }
    raise AssertionError(f"no form goes to {action}")


def offers(page: str, action: str) -> bool:
    """Whether a form or a link on the page goes to an address ending like this."""
    return re.search(rf'(?:action|href)="[^"]*{re.escape(action)}"', page) is not None


def typed(page: str, name: str) -> str:
    """What stands in a text field."""
    if (
        area := re.search(rf'<textarea[^>]*name="{re.escape(name)}"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    ) is not None:
        return html.unescape(area[1])
    found = re.search(rf'<input[^>]*name="{re.escape(name)}"[^>]*?\svalue="([^"]*)"', page)
    assert found is not None, name
    return html.unescape(found[1])


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    return reader
