"""A case as a file somebody else can read, keep and check without this program.

A ZIP with one folder: what the case is (`case.json`), its history exactly as it was hashed (`events.jsonl`), free text
and answers with what proves them (`words.jsonl`), its documents, pages to read (`index.html`), and `verify.py`, which
checks all of it with nothing but Python. The same state gives the same bytes.
"""

from __future__ import annotations

import html
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import sqlalchemy as sa

from workflow import casework, documents, events, evidence, history, texts
from workflow.casework import CaseRow
from workflow.definition import canonical
from workflow.engine import Work
from workflow.errors import NotFound
from workflow.evidence import Answer
from workflow.models import Document, Event, Evidence, Remark
from workflow.queries import case as case_query
from workflow.queries import parts

_SCRIPT = Path(__file__).with_name("verify_case.py")
_FOREVER_AGO = (1980, 1, 1, 0, 0, 0)
"""The only time a ZIP entry of ours has: when the file was made is not part of the case."""
_CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything a case file holds, ready to be written when nobody waits for the case any more."""

    number: str
    head: str
    """Digest of the last entry: whoever notes it can check the file against it years later."""
    entries: int
    texts: Mapping[str, str]
    """By name of the file."""
    documents: Mapping[str, str]
    """SHA-256 by name of the file."""


def prepare(work: Work, case_id: UUID) -> CaseFile:
    """Read everything about a case the actor sees. Needs `Engine.change`: nobody changes the case meanwhile.

    Raises NotFound: the case is not there or not for this actor.
    """
    row = casework.lock(work, case_id).row
    lines = list(_events(work, case_id))
    files = _documents(work, case_id)
    written = {
        "README.txt": _README,
        "case.json": _pretty(_case(work, row)),
        "documents.json": _pretty(files),
        "events.jsonl": "".join(line + "\n" for line in lines),
        "index.html": _page(work, case_id, row.head),
        "verify.py": _SCRIPT.read_text(encoding="utf-8"),
        "words.jsonl": "".join(canonical(word) + "\n" for word in _words(work, case_id)),
    }
    stored = {f"documents/{told['file']}": str(told["sha256"]) for told in files.values()}
    return CaseFile(row.number, row.head, len(lines), written, stored)


def write(file: CaseFile, stream: IO[bytes], folder: Path) -> None:
    """Write a case file; `folder` is where documents are stored. Raises NotFound when one of them is not on disk."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        made = _Archive(archive, file.number)
        for name, content in sorted(file.texts.items()):
            made.text(name, content)
        for name, sha256 in sorted(file.documents.items()):
            made.file(name, documents.path_of(folder, sha256))


@dataclass(frozen=True, slots=True)
class _Archive:
    """Entries of one folder, without anything of the machine that wrote them."""

    zip: zipfile.ZipFile
    folder: str

    def text(self, name: str, content: str) -> None:
        self.zip.writestr(self._entry(name), content.encode())

    def file(self, name: str, path: Path) -> None:
        if not path.is_file():
            raise NotFound(what="document")
        entry = self._entry(name)
        entry.file_size = path.stat().st_size
        with path.open("rb") as source, self.zip.open(entry, "w") as target:
            while chunk := source.read(_CHUNK):
                target.write(chunk)

    def _entry(self, name: str) -> zipfile.ZipInfo:
        entry = zipfile.ZipInfo(f"{self.folder}/{name}", _FOREVER_AGO)
        entry.create_system, entry.external_attr = 3, 0o644 << 16
        return entry


# --- for machines ----------------------------------------------------------------------------------------------------


def _case(work: Work, row: CaseRow) -> dict[str, Any]:
    """The rows of the case, as history keeps them."""
    tables: dict[str, list[dict[str, Any]]] = {}
    for kept in history.CHAINS["case"][1:]:
        left_out = history.NOT_HISTORY[kept.model].keys()
        columns = [column for column in kept.model.__table__.columns if column.name not in left_out]
        owner = getattr(kept.model, kept.owner)
        found = work.session.execute(sa.select(*columns).where(owner == row.id).order_by(kept.model.id))
        tables[kept.model.__tablename__] = [events.plain(dict(one._mapping)) for one in found]  # noqa: SLF001 - theirs
    said = {name: getattr(row, name) for name in casework.CASE_NAMES if name not in ("id", "seq", "head")}
    return {
        "format": "startklar-case/1",
        "number": row.number,
        "id": row.id.hex,
        "seq": row.seq,
        "head": row.head,
        "case": events.plain(said),
        "rows": tables,
    }


def _events(work: Work, case_id: UUID) -> Iterator[str]:
    columns = (Event.chain, Event.chain_id, Event.seq, Event.at, Event.actor_id, Event.act, Event.content)
    query = sa.select(*columns, Event.previous).where(Event.chain_id == case_id).order_by(Event.seq)
    for entry in work.session.execute(query):
        yield events.hashed(*entry)


def _words(work: Work, case_id: UUID) -> Iterator[dict[str, Any]]:
    """Free text and answers with their salts; those that were erased are there without."""
    remarks = sa.select(Remark.id, Remark.text, Remark.salt).where(Remark.chain_id == case_id).order_by(Remark.id)
    for remark in work.session.execute(remarks):
        yield {"kind": "remark", "id": remark.id.hex, "value": remark.text, "salt": remark.salt}
    answers = (
        sa.select(Evidence.__table__, Document.sha256)
        .outerjoin(Document, Document.id == Evidence.document_id)
        .where(Evidence.case_id == case_id)
        .order_by(Evidence.id)
    )
    for row in work.session.execute(answers):
        value = evidence.value_of(row.type, row.text_value, row.number_value, row.date_value)
        written = evidence.committed(Answer("", row.type, value), row.sha256) if row.salt is not None else None
        asked = {"source": row.source, "field": row.field, "attempt": row.attempt, "revision": row.revision}
        yield {"kind": "answer", "id": row.id.hex, "value": written, "salt": row.salt, **asked}


def _documents(work: Work, case_id: UUID) -> dict[str, Mapping[str, Any]]:
    rows = work.session.execute(
        sa.select(Document.id, Document.sha256, Document.name, Document.size, Document.media_type)
        .where(Document.case_id == case_id)
        .order_by(Document.id)
    )
    return {
        row.id.hex: {
            "file": f"{row.sha256}.{row.name.rpartition('.')[2].lower()}" if row.name.isascii() else row.sha256,
            "name": row.name,
            "sha256": row.sha256,
            "size": row.size,
            "media_type": row.media_type,
        }
        for row in rows
    }


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n"


# --- for people ------------------------------------------------------------------------------------------------------


def _page(work: Work, case_id: UUID, head: str) -> str:
    """The case in German and English, for whoever opens the file."""
    newest = case_query.case(work, case_id)
    pages = [newest]
    while (older := pages[-1].older) is not None:
        pages.append(case_query.case(work, case_id, before=older))
    entries = [entry for page in reversed(pages) for entry in reversed(page.history)]
    sections = "".join(_section(language, newest, entries, head) for language in ("de", "en"))
    return _HTML.format(number=html.escape(newest.head.number), sections=sections)


def _section(language: str, page: case_query.CasePage, entries: Iterable[case_query.Entry], head: str) -> str:
    def say(key: str, **facts: Any) -> str:
        return html.escape(texts.say(language, f"case_file.{key}", **facts))

    def title(text: Any) -> str:
        return html.escape(texts.title(language, text))

    facts = [
        (say("service"), title(page.head.service)),
        (say("body"), html.escape(page.head.body)),
        (say("team"), html.escape(page.head.team)),
        (say("state"), title(page.head.state.title)),
        (say("opened"), html.escape(texts.day(language, page.head.opened_on))),
    ]
    if page.head.live_on is not None:
        facts.append((say("live"), html.escape(texts.day(language, page.head.live_on))))
    shown = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    lines = []
    for entry in entries:
        key = f"event.{entry.act}"
        sentence = texts.say(language, key if texts.knows(language, key) else "event.other", **entry.facts)
        who = entry.who or texts.say(language, "case_file.system" if entry.system else "case_file.gone")
        told = f"<p>{html.escape(entry.remark)}</p>" if entry.remark else ""
        told += "".join(_answer(language, answer) for answer in entry.answers)
        when = html.escape(texts.moment(language, entry.at))
        lines.append(f'<li value="{entry.seq}"><b>{when}</b> {html.escape(sentence)} ({html.escape(who)}){told}</li>')
    return (
        f'<section lang="{language}"><h2>{say("title", number=page.head.number)}</h2><dl>{shown}</dl>'
        f"<p>{say('how')}</p><p><code>python3 verify.py</code></p><p>{say('digest')} <code>{head}</code></p>"
        f"<h3>{say('history')}</h3><ol>{''.join(lines)}</ol></section>"
    )


def _answer(language: str, answer: parts.AnswerView) -> str:
    value = answer.value
    name = answer.title if isinstance(answer.title, str) else texts.title(language, answer.title)
    if answer.document is not None:
        shown = answer.document.name
    elif value is None or isinstance(value, (str, int, float)):
        shown = "" if value is None else str(value)
    else:
        shown = texts.say(language, "case_file.value", value=value)
    return f"<p>{html.escape(name)}: {html.escape(shown)}</p>"


_HTML = """<!doctype html>
<html lang="de">
<head><meta charset="utf-8"><title>{number}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 1rem/1.5 sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
dt {{ font-weight: bold }} code {{ overflow-wrap: anywhere }} li {{ margin-block: .5rem }}
@media (prefers-color-scheme: dark) {{ body {{ background: #16181d; color: #e8e8e8 }} }}</style></head>
<body><h1>{number}</h1>{sections}</body>
</html>
"""

_README = """\
Vorgangsakte / case file

index.html      zum Lesen / to read
verify.py       prüft alles ohne das Programm, das die Akte schrieb / checks everything without the program that
                wrote the file:  python3 verify.py
events.jsonl    die Historie, jede Zeile so, wie sie in die Prüfsumme einging / history, each line as it was hashed
words.jsonl     freie Texte und Antworten mit den Salzen, die sie beweisen / free text and answers with their salts
case.json       der Stand des Vorgangs / the case as it stands
documents/      die Dokumente, benannt nach ihrer Prüfsumme / documents, named by their digest
"""
