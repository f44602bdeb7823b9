"""What people type is read kindly and believed little."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow import evidence
from workflow.definition import EvidenceField, Option, Text
from workflow.errors import InvalidEvidence
from workflow.evidence import Choices, Kept, StoredFile

TITLE = Text(de="Feld", en="Field")
OPTIONS = {name: Option(title=TITLE) for name in ("yes_please", "no_thanks")}


def _field(type_: Any, **more: Any) -> EvidenceField:
    return EvidenceField(type=type_, title=TITLE, **more)


def _read(type_: Any, given_: str | StoredFile | None, **more: Any) -> Any:
    (answer,) = evidence.read({"x": _field(type_, **more)}, {"x": given_}, choices=Choices(frozenset({"pdf"})))
    return answer.file or answer.value


@pytest.mark.parametrize(
    ("type_", "typed", "value"),
    [
        ("text", "  Az. 12 ", "Az. 12"),
        ("text", "A\u0308rzte", "Ärzte"),
        ("long_text", "a\r\nb", "a\nb"),
        ("date", "3.2.2027", dt.date(2027, 2, 3)),
        ("date", "03. 02. 2027", dt.date(2027, 2, 3)),
        ("date", "2027-02-03", dt.date(2027, 2, 3)),
        ("date", "23.11.26", dt.date(2026, 11, 23)),
        ("number", "1.234,5", 1234.5),
        ("number", "1234.5", 1234.5),
        ("number", "12", 12.0),
        ("url", "https://www.mainz.de/wohngeld?x=1", "https://www.mainz.de/wohngeld?x=1"),
        ("email", "wohngeld@mainz.de", "wohngeld@mainz.de"),
        ("flag", "on", True),
        ("variant", "pdf", "pdf"),
    ],
)
def test_what_is_meant_is_understood(type_: str, typed: str, value: object) -> None:
    assert _read(type_, typed) == value


@pytest.mark.parametrize(
    ("type_", "typed", "key"),
    [
        ("text", "", "evidence.missing"),
        ("text", " \t ", "evidence.missing"),
        ("text", "a\nb", "evidence.one_line"),
        ("text", "x" * 501, "evidence.too_long"),
        ("text", "a\x00b", "evidence.control_characters"),
        ("text", "Vertrag\u202efdp.exe", "evidence.control_characters"),
        ("long_text", "a\u2066b\u2069c", "evidence.control_characters"),
        ("long_text", "x" * 5001, "evidence.too_long"),
        ("date", "31.02.2027", "evidence.no_such_day"),
        ("date", "1.1.0027", "evidence.no_such_day"),
        ("date", "31.02.27", "evidence.no_such_day"),
        ("date", "1.1.027", "evidence.not_a_date"),
        ("date", "morgen", "evidence.not_a_date"),
        ("date", "02/03/2027", "evidence.not_a_date"),
        ("number", "viele", "evidence.not_a_number"),
        ("number", "1e999", "evidence.not_a_number"),
        ("number", "NaN", "evidence.not_a_number"),
        ("number", "-5", "evidence.too_small"),
        ("number", "500", "evidence.too_large"),
        ("url", "javascript:alert(1)", "evidence.not_a_url"),
        ("url", "https://", "evidence.not_a_url"),
        ("url", "https://user@mainz.de", "evidence.not_a_url"),
        ("url", "https://user:secret@mainz.de", "evidence.secret_credentials"),
        ("url", "http://[", "evidence.not_a_url"),
        ("email", "wohngeld", "evidence.not_an_email"),
        ("email", "a@b\nBcc: c@d.de", "evidence.not_an_email"),
        ("flag", "", "evidence.missing"),
        ("flag", "maybe", "evidence.not_an_option"),
        ("variant", "telepathy", "evidence.not_an_option"),
        ("document", "vertrag.pdf", "evidence.not_a_file"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(type_: str, typed: str, key: str) -> None:
    more = {"least": 0.0, "most": 100.0} if type_ == "number" else {}
    with pytest.raises(InvalidEvidence) as refusal:
        _read(type_, typed, **more)
    assert refusal.value.faults["x"][0] == key


def test_a_choice_is_one_of_its_options() -> None:
    assert _read("choice", "no_thanks", options=OPTIONS) == "no_thanks"
    with pytest.raises(InvalidEvidence):
        _read("choice", "perhaps", options=OPTIONS)


def test_a_document_must_be_of_a_kind_the_field_accepts() -> None:
    file = StoredFile("0" * 64, "Vertrag.PDF", 10, "application/pdf")
    assert _read("document", file, accept=("pdf",)) == file
    with pytest.raises(InvalidEvidence):
        _read("document", file, accept=("png",))
    with pytest.raises(InvalidEvidence):
        _read("text", file)


def test_a_document_given_before_stands_until_another_is_given() -> None:
    earlier = {"x": Kept("x", "task", "document", None, None, 1, 1)}
    (answer,) = evidence.read({"x": _field("document")}, {}, earlier=earlier)
    assert answer.kept


def test_fields_nobody_asked_for_are_refused() -> None:
    with pytest.raises(InvalidEvidence) as refusal:
        evidence.read({}, {"state": "live"})
    assert refusal.value.faults["state"][0] == "evidence.unknown_field"


def test_an_optional_field_left_empty_is_no_answer() -> None:
    assert evidence.read({"x": _field("date", required=False)}, {"x": ""}) == ()


TYPED = ["text", "long_text", "date", "number", "url", "email", "flag", "variant"]


@given(st.text(max_size=60), st.sampled_from(TYPED))
def test_whatever_is_typed_becomes_a_value_or_a_named_fault(typed: str, type_: str) -> None:
    faults: dict[str, Any] = {}
    answers: tuple[evidence.Answer, ...] = ()
    try:
        answers = evidence.read({"x": _field(type_, required=False)}, {"x": typed})
    except InvalidEvidence as refusal:
        faults = refusal.faults
    assert all(key.startswith("evidence.") for key, _ in faults.values())
    for answer in answers:
        columns = evidence.columns(answer)
        back = evidence.value_of(answer.type, columns["text_value"], columns["number_value"], columns["date_value"])
        assert back == answer.value
