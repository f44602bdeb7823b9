"""Every word people read: there in both languages, asked for by somebody, and right for none, one and several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import demo  # noqa: F401 -- its words are registered when it is imported
import webui
from scheduler import jobs
from workflow import feedback, history, texts
from workflow.definition import PAGES
from workflow.watch import PARTS

ROOT = Path(webui.__file__).parent.parent
ROOMS = ("webui", "workflow", "demo")

_KEY = r"[a-z_0-9]+(?:\.[a-z_0-9]+)+"
_BEGUN = (rf"""["']((?:{_KEY}|[a-z_0-9]+)[._])["']\s*~""", r"""f["']([a-z_0-9.]+[._])\{""", r"""["']([a-z_0-9.]+\.)%""")
"""How a key is begun that is put together: `"due." ~ kind`, `f"due.{kind}"`, `"due.%d" % kind`."""
_ENDED = (r"""~\s*["']([._][a-z_0-9._]+)["']""", r"""\}([._][a-z_0-9._]+)["']""")


@cache
def _source() -> str:
    """Everything that may ask for a text."""
    kinds = (".py", ".html", ".txt", ".js")
    files = [path for room in (*ROOMS, "scheduler") for path in (ROOT / room).rglob("*") if path.suffix in kinds]
    return "\n".join(path.read_text("utf-8") for path in [*sorted(files), ROOT / "run.py"])


def _plurals() -> Iterator[tuple[str, str, str, str]]:
    """Language, key, the form for one and the form for all other numbers."""
    for language in texts.LANGUAGES:
        for key, entry in texts._entries(language).items():
            if not isinstance(entry, str):
                yield language, key, *entry


def test_both_languages_have_the_same_texts_and_the_same_plurals() -> None:
    de, en = texts._entries("de"), texts._entries("en")
    assert de.keys() == en.keys()
    assert {key for key in de if isinstance(de[key], str) != isinstance(en[key], str)} == set()


def test_every_text_that_is_asked_for_is_there_also_where_its_key_is_put_together() -> None:
    source, known = _source(), texts.keys("de")
    begun = {beginning for pattern in _BEGUN for beginning in re.findall(pattern, source)}
    asked = {one for one in begun if "." in one and one.split(".")[0] in {key.split(".")[0] for key in known}}
    nowhere = {one for one in asked if not any(key.startswith(one) for key in known)}
    assert nowhere <= {"error.html", "webui.", "workflow."}, nowhere
    named = set(re.findall(rf"""\b(?:t|say|wording\.t|texts\.say)\(\s*(?:[a-z_.]+,\s*)?["']({_KEY})["']""", source))
    assert len(named) > 1000
    assert sorted(key for key in named - known if not key.endswith(("_", "."))) == []


def test_every_value_of_a_list_of_ours_has_words() -> None:
    whats = re.findall(r"`([a-z_]+)`", (history.Broken.__doc__ or "").partition("`why`:")[2])
    whats += re.findall(r"`([a-z_]+)`", (history.Difference.kind.__doc__ or ""))
    led = jobs.led(None, None)  # type: ignore[arg-type]  # only their names are asked for
    wanted = {
        *(f"history_check.what.{what}" for what in whats),
        *(f"operations.chain.{chain}" for chain in history.CHAINS),
        *(f"operations.job.{name}" for name in (*PARTS, *led)),
        *(f"feedback.{part}.{kind}" for part in ("kind", "short") for kind in feedback.KINDS),
        *(f"legal.{page}" for page in PAGES),
    }
    assert sorted(wanted - texts.keys("de")) == []


def test_no_text_is_there_that_nobody_asks_for() -> None:
    source = _source()
    said = set(re.findall(rf"""["']({_KEY})["']""", source))
    begun = tuple({beginning for pattern in _BEGUN for beginning in re.findall(pattern, source) if "." in beginning})
    ended = tuple({ending for pattern in _ENDED for ending in re.findall(pattern, source)})
    unasked = []
    for room in ROOMS:
        keys = re.findall(r'^msgid "(.+)"$', (ROOT / room / "locale" / "de.po").read_text("utf-8"), re.MULTILINE)
        for key in keys:
            if key.startswith("cli.") and key.replace("cli.", "error.", 1) in said:
                continue  # an error may have other words at the shell
            base = next((key.removesuffix(ending) for ending in ended if key.endswith(ending)), key)
            if key not in said and base not in said and not key.startswith(begun):
                unasked.append(key)
    assert unasked == []


@pytest.mark.parametrize("n", [0, 1, 2])
def test_one_is_said_as_one_and_none_as_several(n: int) -> None:
    for language, key, one, several in _plurals():
        facts = dict.fromkeys(texts.placeholders(language, key), "…") | {"n": str(n)}
        wanted = one if n == 1 else several
        assert texts.say(language, key, **(facts | {"n": n})) == wanted.format(**facts), key


def test_a_number_before_a_word_in_the_plural_has_a_form_for_one() -> None:
    """`{n} Tage` alone would say `1 Tage`."""
    several = {
        "de": r"\{n\} (?:Arbeitstage|Kalendertage|Tage|Monate|Wochen|Stunden|Minuten|Personen|Aufgaben|Kommunen|Mails|"
        r"Dokumente|Leistungen|Zeilen|Vorgänge|Antworten|Adressen|Konten)\b",
        "en": r"\{n\} (?:\w+ )?(?:days|months|weeks|hours|minutes|people|tasks|municipalities|mails|documents|services|"
        r"faults|lines|answers|addresses|accounts)\b",
    }
    limits = {key for key in texts.keys("de") if key.startswith(("cli.", "error.", "bulk.many", "account.mail."))}
    for language, pattern in several.items():
        for key, entry in texts._entries(language).items():
            if key not in limits and isinstance(entry, str):
                assert not re.search(pattern, entry), (language, key, entry)
            elif not isinstance(entry, str):
                assert not re.search(pattern, entry[0]), (language, key, entry[0])


def test_every_text_with_a_number_says_none_one_two_and_thousands() -> None:
    for language, thousands in (("de", "1.234"), ("en", "1,234")):
        said = 0
        for key in sorted(texts.keys(language)):
            names = texts.placeholders(language, key)
            if "n" not in names:
                continue
            said += 1
            facts = dict.fromkeys(names, "…")
            sentences = [texts.say(language, key, **{**facts, "n": n}) for n in (0, 1, 2, 1234)]
            assert not any("{" in sentence or "1234" in sentence for sentence in sentences), key
            assert thousands in sentences[-1], key
        assert said > 100
