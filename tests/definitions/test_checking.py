"""A folder of definitions is read whole, every fault has a place and a sentence, and no input ends in a traceback."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import definitions as shipped
from tests.definitions.broken import BROKEN, Broken
from tests.definitions.folder import FILES, ONBOARDING, PROCESS, SERVICE, edit, write, write_minimal
from workflow import checking, texts
from workflow.checking import Checked, Fault, check, schema_files
from workflow.definition import fingerprint
from workflow.errors import InvalidDefinitions

SHIPPED = Path(shipped.__path__[0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_minimal(tmp_path)


def found(checked: Checked) -> list[str]:
    """`file:line:column key` of every fault."""
    return [f"{fault.file}:{fault.line}:{fault.column} {fault.key}" for fault in checked.faults]


# --- what is fine ----------------------------------------------------------------------------------------------------


def test_the_minimal_folder_has_no_faults_and_gives_everything_it_defines(folder: Path) -> None:
    checked = check(folder)

    assert found(checked) == []
    definitions = checked.insist()
    assert [process.id for process in definitions.processes] == ["onboarding/1"]
    assert [service.service for service in definitions.services] == ["dogs"]
    assert definitions.programme.programme == "small"
    assert definitions.shared.prerequisites["mailbox"].scoped_by is not None
    assert list(definitions.groups.groups) == ["towns"]
    assert [body.display_name for body in definitions.bodies] == ["Stadt Koblenz", "Kreis Alzey, Worms", "VG Wöllstein"]
    assert (definitions.bodies[0].population, definitions.bodies[0].area_km2) == (113378, 105.25)
    assert definitions.messages["de", "asked"].subject == "{service} in {body}"
    assert definitions.messages["de", "asked"].paragraphs == (
        "Please see to {task} until {due}.",
        "Number {number}.",
    )
    assert definitions.samples["de", "letter"].title == "Brief"
    assert definitions.pages["de", "imprint"].to_replace == ("Name der Behörde",)
    assert definitions.to_replace() == ("pages/de/imprint.md", "pages/en/imprint.md")
    assert definitions.attribution == "© somebody"


def test_the_shipped_definitions_have_no_faults() -> None:
    assert [str(fault) for fault in check(SHIPPED).faults] == []


def test_the_schemas_for_editors_are_the_ones_of_this_program() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in (SHIPPED / "schema").glob("*.json")}

    assert committed == schema_files()


def test_windows_line_ends_change_nothing(folder: Path) -> None:
    for file in FILES:
        if not file.endswith(".md"):
            write(folder, file, FILES[file].replace("\n", "\r\n"))

    assert found(check(folder)) == []


def test_notes_and_hidden_files_may_lie_about(folder: Path) -> None:
    write(folder, "bodies/PROVENANCE.md", "from somewhere")
    write(folder, ".git/config", "")
    write(folder, "services/.dogs.yaml.swp", b"\x00")
    write(folder, "schema/process.json", "{}")

    assert found(check(folder)) == []


# --- what is broken --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.what)
def test_a_fault_is_named_where_it_stands(folder: Path, broken: Broken) -> None:
    for old, new in broken.edits:
        edit(folder, broken.file, old, new)

    checked = check(folder)

    assert found(checked) == list(broken.faults)
    assert checked.definitions is None
    assert_worded(checked.faults)


def _remove(file: str) -> Callable[[Path], object]:
    return lambda folder: (folder / file).unlink()


def _write(file: str, content: str | bytes) -> Callable[[Path], object]:
    return lambda folder: write(folder, file, content)


def _rename(file: str, name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / file).rename(folder / name)


def _enormous(folder: Path) -> None:
    with (folder / SERVICE).open("r+b") as file:
        file.truncate(100_000_000)


def _pipe(folder: Path) -> None:
    (folder / "groups.yaml").unlink()
    os.mkfifo(folder / "groups.yaml")


def _folder_for_a_file(folder: Path) -> None:
    (folder / "bodies/attribution.txt").unlink()
    (folder / "bodies/attribution.txt").mkdir()


def _loop(folder: Path) -> None:
    (folder / SERVICE).unlink()
    (folder / SERVICE).symlink_to(folder / SERVICE)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
GAP = ONBOARDING.replace("version: 1", "version: 3")

FILE_FAULTS: tuple[tuple[str, Callable[[Path], object], tuple[str, ...]], ...] = (
    ("no programme", _remove("programme.yaml"), ("programme.yaml:1:1 fault.file_missing",)),
    (
        "no list of released versions",
        _remove("processes/released.txt"),
        ("processes/released.txt:1:1 fault.file_missing",),
    ),
    (
        "a page nobody asks for",
        _write("pages/de/imprnt.md", "# Impressum\n\nText\n"),
        ("pages/de/imprnt.md:1:1 fault.unexpected_file",),
    ),
    (
        "a page in one language only",
        _write("pages/en/privacy.md", "# Privacy\n\nText\n"),
        ("pages/de/privacy.md:1:1 fault.page_language",),
    ),
    (
        "a sample that is no Markdown",
        _write("samples/de/letter.docx", "Brief"),
        ("samples/de/letter.docx:1:1 fault.sample_file",),
    ),
    (
        "a sample that is missing in German",
        _write("samples/en/note.md", "# Note\n\nText\n"),
        ("samples/de/note.md:1:1 fault.sample_german",),
    ),
    (
        "Latin-1",
        _write("bodies/attribution.txt", "© Städte\nfür".encode("latin-1")),
        ("bodies/attribution.txt:1:1 fault.encoding",),
    ),
    (
        "Latin-1 further down",
        _write("bodies/attribution.txt", "Ä\näx".encode() + b"\xe4"),
        ("bodies/attribution.txt:2:3 fault.encoding",),
    ),
    ("UTF-16", _write("groups.yaml", FILES["groups.yaml"].encode("utf-16")), ("groups.yaml:1:1 fault.encoding",)),
    (
        "a byte order mark",
        _write("groups.yaml", b"\xef\xbb\xbf" + FILES["groups.yaml"].encode()),
        ("groups.yaml:1:1 fault.byte_order_mark",),
    ),
    (
        "a NUL",
        _write("messages/de/asked.txt", "Subject: \0\n\ntext"),
        ("messages/de/asked.txt:1:10 fault.invisible_character",),
    ),
    ("a file of 100 MB", _enormous, (f"{SERVICE}:1:1 fault.file_too_large",)),
    ("a pipe", _pipe, ("groups.yaml:1:1 fault.not_a_file",)),
    ("a folder where a file should be", _folder_for_a_file, ("bodies/attribution.txt:1:1 fault.not_a_file",)),
    ("a link to itself", _loop, (f"{SERVICE}:1:1 fault.file_unreadable",)),
    ("an empty file", _write("groups.yaml", ""), ("groups.yaml:1:1 fault.empty_file",)),
    ("only remarks", _write("groups.yaml", "# later\n"), ("groups.yaml:1:1 fault.empty_file",)),
    ("a list instead of a mapping", _write("groups.yaml", "- groups\n"), ("groups.yaml:1:1 fault.not_mapping",)),
    ("one word", _write("groups.yaml", "groups\n"), ("groups.yaml:1:1 fault.not_mapping",)),
    (
        "values without end",
        _write("groups.yaml", "groups: {}\nx:\n" + "- 1\n" * 60_000),
        ("groups.yaml:49998:3 fault.too_many_values",),
    ),
    ("nesting without end", _write("groups.yaml", "groups: " + "[" * 10_000), ("groups.yaml:1:38 fault.too_deep",)),
    ("an escape beyond Unicode", _write("groups.yaml", 'groups: "\\UFFFFFFFF"'), ("groups.yaml:1:1 fault.yaml",)),
    ("an unknown escape", _write("groups.yaml", 'groups: "\\q"'), ("groups.yaml:1:11 fault.yaml_escape",)),
    (
        "a value that begins with a percent sign",
        _write("groups.yaml", "groups: @x"),
        ("groups.yaml:1:9 fault.yaml_token",),
    ),
    (
        "a name without a colon",
        _write("groups.yaml", "groups: {}\nnone\n"),
        ("groups.yaml:2:1 fault.yaml_colon_missing",),
    ),
    (
        "a misspelt file",
        _rename(SERVICE, "services/dogs.yml"),
        (
            "programme.yaml:38:63 fault.unknown_service",
            "programme.yaml:42:75 fault.unknown_service",
            "programme.yaml:43:14 fault.unknown_service",
            "services/dogs.yml:1:1 fault.service_file",
        ),
    ),
    ("a file that does not belong here", _write("programm.yaml", ""), ("programm.yaml:1:1 fault.unexpected_file",)),
    (
        "a file among the bodies",
        _write("bodies/boundaries.json", ""),
        ("bodies/boundaries.json:1:1 fault.unexpected_file",),
    ),
    ("a language nobody reads", _write("messages/fr/asked.txt", ""), ("messages/fr:1:1 fault.unexpected_file",)),
    ("a loose process", _write("processes/v1.yaml", ""), ("processes/v1.yaml:1:1 fault.unexpected_file",)),
    (
        "a version without a number",
        _write("processes/onboarding/vneu.yaml", ""),
        ("processes/onboarding/vneu.yaml:1:1 fault.version_file",),
    ),
    (
        "versions with a gap",
        _write("processes/onboarding/v3.yaml", GAP),
        ("processes/onboarding/v3.yaml:1:1 fault.version_gap",),
    ),
    (
        "a message of another kind",
        _write("messages/de/asked.html", ""),
        ("messages/de/asked.html:1:1 fault.message_file",),
    ),
    (
        "a message in one language",
        _remove("messages/en/reminder.txt"),
        ("messages/en/reminder.txt:1:1 fault.message_language",),
    ),
    (
        "a message called in capitals",
        _write("messages/de/Asked.txt", "Subject: x\n\ntext"),
        (
            "messages/de/Asked.txt:1:1 fault.name",
            "messages/en/Asked.txt:1:1 fault.message_language",
        ),
    ),
    (
        "a version listed twice",
        _write("processes/released.txt", ("onboarding/2 " + "0" * 64 + "\n") * 2),
        (
            "processes/released.txt:1:1 fault.released_missing",
            "processes/released.txt:2:1 fault.released_twice",
        ),
    ),
    (
        "no bodies",
        _write("bodies/municipalities.csv", FILES["bodies/municipalities.csv"].partition("\n")[0] + "\n"),
        ("bodies/municipalities.csv:1:1 fault.no_bodies",),
    ),
    (
        "an empty line among the bodies",
        _write("bodies/municipalities.csv", FILES["bodies/municipalities.csv"] + "\n"),
        ("bodies/municipalities.csv:5:1 fault.csv_empty_line",),
    ),
    (
        "a nested bomb of JSON",
        _write("bodies/boundaries.geojson", "[" * 200_000),
        ("bodies/boundaries.geojson:1:1 fault.json",),
    ),
    (
        "JSON of another form",
        _write("bodies/boundaries.geojson", "[]"),
        ("bodies/boundaries.geojson:1:1 fault.boundaries_form",),
    ),
)


@pytest.mark.parametrize(
    ("break_it", "faults"), [case[1:] for case in FILE_FAULTS], ids=[case[0] for case in FILE_FAULTS]
)
def test_a_file_that_cannot_be_used_is_a_fault(
    folder: Path, break_it: Callable[[Path], object], faults: tuple[str, ...]
) -> None:
    break_it(folder)

    checked = check(folder)

    assert found(checked) == list(faults)
    assert_worded(checked.faults)


def test_faults_of_all_files_are_named_at_once_and_in_order(folder: Path) -> None:
    edit(folder, SERVICE, "applies_to: towns", "applies_to: twons")
    edit(folder, SERVICE, "payment: required", "payment: perhaps")
    edit(folder, PROCESS, "owner: body.fachamt", "owner: programme_office")
    edit(folder, PROCESS, "        title: {de: Fragen, en: Ask}\n", "")
    edit(folder, "programme.yaml", "at: 0,", "at: -9,")
    (folder / "messages/en/asked.txt").unlink()

    assert found(check(folder)) == [
        "messages/en/asked.txt:1:1 fault.message_language",
        "processes/onboarding/v1.yaml:9:7 fault.missing",
        "processes/onboarding/v1.yaml:46:16 fault.owner_programme_office",
        "programme.yaml:34:23 fault.rung_order",
        "services/dogs.yaml:6:13 fault.unknown_group",
        "services/dogs.yaml:11:10 fault.not_one_of",
    ]


def test_a_folder_that_is_not_there_is_one_fault(tmp_path: Path) -> None:
    assert found(check(tmp_path / "nowhere")) == [".:1:1 fault.no_folder"]
    assert "nowhere" in str(check(tmp_path / "nowhere").faults[0])


def test_an_empty_folder_names_everything_that_is_missing(tmp_path: Path) -> None:
    faults = found(check(tmp_path))

    assert "processes:1:1 fault.folder_missing" in faults
    assert "services:1:1 fault.folder_missing" in faults
    assert "programme.yaml:1:1 fault.file_missing" in faults
    assert "messages/de/asked.txt:1:1 fault.message_missing" in faults


def test_a_bomb_of_aliases_is_refused_at_once_and_at_every_alias(folder: Path) -> None:
    write(folder, "groups.yaml", BOMB)

    faults = found(check(folder))

    assert [fault for fault in faults if "alias" in fault][:4] == [
        "groups.yaml:1:4 fault.alias",
        "groups.yaml:2:4 fault.alias",
        "groups.yaml:2:8 fault.alias",
        "groups.yaml:2:12 fault.alias",
    ]


def test_nothing_a_file_says_is_executed(folder: Path) -> None:
    mark = folder / "executed"
    edit(folder, PROCESS, "owner: body.leitung", f'owner: !!python/object/apply:os.system ["touch {mark}"]')

    assert found(check(folder)) == ["processes/onboarding/v1.yaml:33:16 fault.tag"]
    assert not mark.exists()


def test_a_file_whose_name_is_no_text_is_named_readably(folder: Path) -> None:
    (folder / os.fsdecode(b"\xff\n.yaml")).touch()

    checked = check(folder)

    assert found(checked) == ["\\udcff .yaml:1:1 fault.unexpected_file"]
    assert_worded(checked.faults)


def test_a_released_version_may_change_its_words_and_nothing_else(folder: Path) -> None:
    released = fingerprint(check(folder).insist().processes[0])
    write(folder, "processes/released.txt", f"# released\nonboarding/1 {released}\n")
    edit(folder, PROCESS, "title: {de: Fragen, en: Ask}", "title: {de: Nachfragen, en: Ask again}")

    assert check(folder).insist().released == {"onboarding/1": released}

    edit(folder, PROCESS, "due: 5 working days", "due: 6 working days")
    assert found(check(folder)) == ["processes/onboarding/v1.yaml:2:10 fault.released_changed"]


def test_several_versions_are_read_in_their_order(folder: Path) -> None:
    for version in range(2, 12):
        write(folder, f"processes/onboarding/v{version}.yaml", ONBOARDING.replace("version: 1", f"version: {version}"))

    assert [process.version for process in check(folder).insist().processes] == list(range(1, 12))


def test_a_misspelt_state_is_reported_once_and_not_as_unreachable_too(folder: Path) -> None:
    edit(folder, PROCESS, "    to: live", "    to: liev")

    fault = only(check(folder))

    assert (fault.key, fault.facts["meant"]) == ("fault.unknown_state", "live")


def test_a_task_whose_name_is_taken_is_looked_into_all_the_same(folder: Path) -> None:
    edit(folder, PROCESS, "      test:\n", "      ask:\n")
    edit(folder, PROCESS, "owner: body.fachamt", "owner: body.fachmat")

    assert [fault.key for fault in check(folder).faults] == ["fault.duplicate_task", "fault.owner"]


def test_a_circle_of_tasks_is_spelt_out(folder: Path) -> None:
    edit(folder, PROCESS, "        due: 5 working days", "        due: 5 working days\n        after: [sign]")

    assert "ask → sign → choose → ask" in str(only(check(folder)))


def test_a_fault_reads_like_a_compilers_in_both_languages(folder: Path) -> None:
    edit(folder, PROCESS, "owner: body.fachamt", "owner: programme_office")
    edit(folder, SERVICE, "operator: centre", "operator: center")

    office, operator = check(folder).faults

    assert office.line_in("de").startswith("processes/onboarding/v1.yaml:47:16: Das Programmbüro steuert")
    assert str(operator) == ("services/dogs.yaml:10:11: The programme has no operator ‘center’. Did you mean ‘centre’?")


def test_faults_are_raised_together_where_definitions_are_needed(folder: Path) -> None:
    (folder / "groups.yaml").unlink()

    with pytest.raises(InvalidDefinitions) as refused:
        check(folder).insist()

    assert [fault.key for fault in refused.value.faults] == ["fault.file_missing"]


# --- completeness ----------------------------------------------------------------------------------------------------


def test_every_kind_of_fault_has_words_and_a_folder_that_shows_it() -> None:
    sources = Path(checking.__file__).parent.glob("*.py")
    kinds = {key for source in sources for key in re.findall(r'"(fault\.[a-z_]+)"', source.read_text(encoding="utf-8"))}
    shown = {fault.rpartition(" ")[2] for broken in BROKEN for fault in broken.faults}
    shown |= {fault.rpartition(" ")[2] for _, _, faults in FILE_FAULTS for fault in faults}
    elsewhere = {"fault.did_you_mean", "fault.no_folder", "fault.folder_missing", "fault.message_missing"}
    elsewhere.add("fault.shape")  # for what the schema may gain before it has a sentence of its own

    assert {key for key in kinds for language in texts.LANGUAGES if not texts.knows(language, key)} == set()
    assert kinds - shown - elsewhere == set()


# --- whatever is written ---------------------------------------------------------------------------------------------

_PIECES = (
    "&a",
    "*a",
    "!!python/name:os.system",
    "!x",
    "<<: *a",
    "---",
    "...",
    "%YAML 1.1",
    "\t",
    "\0",
    "\ud7ff",
    "\u2028",
    "\ufeff",
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "? ",
    "|",
    ">",
    "'",
    '"',
    "#",
    "null",
    "true",
    "~",
    ".inf",
    ".nan",
    "0o7",
    "0x_",
    "1e999",
    "2026-13-45",
    "9" * 400,
    "é" * 70,
    "\\U00110000",
    '"\\ud800"',
    "[[[[[[[[",
    "{{{{",
    "a: b: c",
    "\n",
    "\r",
    "  ",
    "\n\n- x",
    "_" * 1200,
    "from",
    "states",
    "tasks",
    "due",
    "promised",
    "otherwise",
    "5 working days",
    "9999 working days",
)

_YAML = tuple(file for file in FILES if file.endswith(".yaml"))


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, str]:
    """A file of the minimal folder and a text it might have come to in careless or hostile hands."""
    file = draw(st.sampled_from(_YAML))
    text = FILES[file]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        to = min(len(text), at + draw(st.integers(0, 60)))
        kind = draw(st.sampled_from(("insert", "delete", "double", "move", "anything")))
        if kind == "insert":
            text = text[:at] + draw(st.sampled_from(_PIECES)) + text[at:]
        elif kind == "delete":
            text = text[:at] + text[to:]
        elif kind == "double":
            text = text[:to] + text[at:]
        elif kind == "move":
            text = text[to:] + text[at:to] + text[:at]
        else:
            text = text[:at] + draw(st.text(max_size=20)) + text[at:]
    return file, text


@settings(max_examples=100, derandomize=True, deadline=None)
@given(mutations())
def test_no_mutated_yaml_ends_in_anything_but_named_faults(mutation: tuple[str, str]) -> None:
    assert_checked(*mutation)


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.sampled_from(tuple(FILES)), st.binary(max_size=200), st.integers(0, 400))
def test_no_bytes_end_in_anything_but_named_faults(file: str, content: bytes, kept: int) -> None:
    assert_checked(file, FILES[file].encode()[:kept] + content)


def assert_checked(file: str, content: str | bytes) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = write_minimal(Path(temporary))
        write(folder, file, content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        checked = check(folder)
    assert isinstance(checked, Checked)
    assert (checked.definitions is None) == bool(checked.faults)
    assert_worded(checked.faults)


def assert_worded(faults: Iterable[Fault]) -> None:
    """Each fault is one printable line in both languages."""
    for fault in faults:
        assert fault.line >= 1
        assert fault.column >= 1
        for language in texts.LANGUAGES:
            line = fault.line_in(language)
            assert line.isprintable()
            assert line.startswith(f"{fault.file}:{fault.line}:{fault.column}: ")
            assert line.encode("utf-8")


def only(checked: Checked) -> Fault:
    (fault,) = checked.faults
    return fault
