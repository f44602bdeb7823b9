"""Words, dates and numbers for templates, in the language of the person who looks."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from babel import dates, numbers
from flask import Flask, g, has_request_context, request
from jinja2 import StrictUndefined
from markupsafe import Markup

from webui import icons, session
from workflow import texts
from workflow.definition import Text
from workflow.texts import LANGUAGES, Language

_LOCALES = {"de": "de_DE", "en": "en_GB"}
_ZONE = dates.get_timezone("Europe/Berlin")
_LONG_WORD = re.compile(r"\w{16,}")
_JOINT = re.compile(r"(?<=\w{3})(ungs|heits|keits|schafts|tions|täts|schutz)(?=[a-zäöüß]{4})")


def language() -> Language:
    """The person's language; a stranger's choice, then the browser's wish, then German."""
    if not has_request_context():
        return "de"
    found: Language | None = g.get("language")
    if found is None:
        found = g.language = _language()
    return found


def theme() -> str | None:
    """`light` or `dark` when the person chose one; None: as the device wishes."""
    who = session.person()
    chosen = who.theme if who is not None else request.cookies.get(session.cookie_name("theme"))
    return chosen if chosen in ("light", "dark") else None


def t(key: str, **facts: Any) -> str:
    """The sentence for `key`. Raises MissingText for a key nobody has written."""
    return texts.say(language(), key, **facts)


def said(sentence: tuple[str, Mapping[str, Any]]) -> str:
    """A sentence with its facts; its days without the year when it is this year."""
    key, facts = sentence
    return t(key, **{name: _with_plain_days(fact) for name, fact in facts.items()})


def _with_plain_days(fact: Any) -> Any:
    if isinstance(fact, texts.Key):
        return texts.Key(fact.key, {name: _with_plain_days(inner) for name, inner in fact.facts.items()})
    if isinstance(fact, tuple):
        return tuple(_with_plain_days(inner) for inner in fact)
    return plain_day(fact) if isinstance(fact, dt.date) else fact


def title(text: Text | Mapping[str, str] | str) -> str:
    """A title from a definition; a plain name stays as it is."""
    return text if isinstance(text, str) else texts.title(language(), text)


def breakable(words: str) -> str:
    """The words with soft hyphens at the joints of long German compounds, for narrow places: not every browser knows
    where German words break, and one that does not tears them anywhere."""
    return _LONG_WORD.sub(lambda word: _JOINT.sub("\\1\N{SOFT HYPHEN}", word[0]), words)


def plain_day(value: dt.date) -> str:
    """`Do., 11. Juni`; the year is said only when it is not this year."""
    return _day(language(), value, value.year != today().year)


def day(value: dt.date) -> Markup:
    """`plain_day` as a `<time>` element."""
    return _element(value.isoformat(), plain_day(value))


def date(value: dt.date) -> Markup:
    """`11. Juni 2026`. A `<time>` element."""
    return _element(value.isoformat(), _date(language(), value))


def short_date(value: dt.date) -> Markup:
    """`11.06.2026`, for dense tables. A `<time>` element."""
    return _element(value.isoformat(), _short(language(), value))


def when(value: dt.datetime) -> Markup:
    """`Do., 11. Juni 2026, 07:00` in Europe/Berlin; `value` is aware. A `<time>` element."""
    return _element(value.isoformat(timespec="seconds"), _moment(language(), value))


def moment(value: dt.datetime) -> str:
    """`14:03`; with the day unless it is today, in real time and in Europe/Berlin."""
    today = dt.datetime.now(_ZONE).date()
    local = value.astimezone(_ZONE)
    hour = str(dates.format_datetime(local, "HH:mm", tzinfo=_ZONE, locale=_LOCALES[language()]))
    return hour if local.date() == today else f"{_day(language(), local.date(), local.year != today.year)}, {hour}"


def month(value: dt.date) -> str:
    """`Januar 2027`."""
    return str(dates.format_date(value, "LLLL y", locale=_LOCALES[language()]))


def weekday(value: dt.date) -> str:
    """`Freitag`."""
    return str(dates.format_date(value, "EEEE", locale=_LOCALES[language()]))


def quoted(words: str) -> str:
    """In the quotation marks of the language."""
    return f"„{words}“" if language() == "de" else f"‘{words}’"


def number(value: float) -> str:
    """`1.234.567,5`."""
    return str(numbers.format_decimal(value, locale=_LOCALES[language()]))


def typed_date(value: dt.date | str | None) -> str:
    """A date as it is typed into a field, `11.06.2026`; what was typed wrongly stays as it was."""
    return f"{value:%d.%m.%Y}" if isinstance(value, dt.date) else value or ""


def today() -> dt.date:
    """What day it is for whoever asks: a rehearsal has its own."""
    who = session.person()
    return who.today if who is not None else dt.datetime.now(_ZONE).date()


def as_typed(value: object) -> object:
    """An answer as one would type it into a field: `1200`, `12,5`, `11.06.2026`."""
    if isinstance(value, float):
        plain = f"{value:.6f}".rstrip("0").rstrip(".")
        return plain.replace(".", ",") if language() == "de" else plain
    return typed_date(value) if isinstance(value, dt.date) else value


def scale(position: int, of: int) -> int:
    """Where on the five colours of the state scale the n-th of so many states stands; both count from one."""
    return 5 if position >= of else 1 + (position - 1) * 4 // max(of - 1, 1)


def install(app: Flask) -> None:
    """Make words known to templates. A template that names what nobody gave it fails instead of showing nothing."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        language=language,
        languages=LANGUAGES,
        theme=theme,
        t=t,
        said=said,
        title=title,
        breakable=breakable,
        day=day,
        plain_day=plain_day,
        date=date,
        short_date=short_date,
        when=when,
        moment=moment,
        number=number,
        weekday=weekday,
        month=month,
        quoted=quoted,
        typed_date=typed_date,
        today=today,
        as_typed=as_typed,
        scale=scale,
        icon=icons.icon,
        state_icon=icons.state_icon,
        step_icon=icons.step_icon,
    )


def _language() -> Language:
    who = session.person()
    wished = who.language if who is not None else request.cookies.get(session.cookie_name("language"))
    if wished not in LANGUAGES:
        browser = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
        wished = next((tag for tag in browser if tag in LANGUAGES), "de")
    return "en" if wished == "en" else "de"


def _element(machine: str, words: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(machine, words)


@lru_cache(4096)
def _day(language: str, value: dt.date, with_year: bool) -> str:
    pattern = {"de": "EEE, d. MMMM", "en": "EEE d MMMM"}[language] + (" y" if with_year else "")
    return str(dates.format_date(value, pattern, locale=_LOCALES[language]))


@lru_cache(4096)
def _date(language: str, value: dt.date) -> str:
    return str(dates.format_date(value, {"de": "d. MMMM y", "en": "d MMMM y"}[language], locale=_LOCALES[language]))


@lru_cache(4096)
def _short(language: str, value: dt.date) -> str:
    return str(dates.format_date(value, {"de": "dd.MM.y", "en": "dd/MM/y"}[language], locale=_LOCALES[language]))


@lru_cache(4096)
def _moment(language: str, value: dt.datetime) -> str:
    pattern = {"de": "EEE, d. MMMM y, HH:mm", "en": "EEE d MMMM y, HH:mm"}[language]
    return str(dates.format_datetime(value, pattern, tzinfo=_ZONE, locale=_LOCALES[language]))
