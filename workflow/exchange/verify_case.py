"""Checks one exported case file without the program that made it.

usage: python3 verify.py [FOLDER]     (without FOLDER: the folder this file lies in)

Needs Python 3.8 or newer and nothing else. Reads; changes nothing. Ends with 0 when everything holds, with 1 when not.
What is checked:

* events.jsonl – each line is one entry exactly as it was hashed. Its SHA-256 is its digest; the next line names it as
  `previous`, and case.json names the last one as `head`. So no entry was changed, dropped, added or put elsewhere.
* words.jsonl – free text and answers with their salts. SHA-256 of salt, line feed and value is the commitment in the
  entry. Where there is no salt any more the words were erased; that is no fault.
* documents/ – the SHA-256 of each file is the one in the entry.
* case.json – what it says of the case, its tasks and everything that belongs to them is what the entries say, column by
  column: all entries are read again from the first, and what they come to is compared.

index.html is there to be read by people; it proves nothing. Whoever made the file could have made another one,
consistent in itself: compare the last digest with the one the programme writes when it exports the case, or with one
you noted earlier.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Any

START = "0" * 64
PLACES = ("service", "body", "team", "operator")
"""Columns of a task that repeat the case's and follow it; entries speak of them only where they differ."""
UNSAID = (None, 0, False, "")
"""What a column holds of which no entry speaks."""


class Fault(Exception):
    """Something does not hold."""


class Said:
    """What the entries say: the case and its rows as they stand after the last one, and what they committed to."""

    def __init__(self) -> None:
        self.case: dict[str, Any] = {}
        self.rows: dict[str, dict[str, dict[str, Any]]] = {"task": {}}
        self.committed: dict[str, str] = {}

    def hear(self, content: dict[str, Any]) -> None:
        """Read one more entry."""
        before = self._places()
        self.case.update(content.get("case", {}))
        tasks = self.rows["task"]
        for task in tasks.values():
            own = task.get("scope") != before["body"]
            follows = [name for name in PLACES if task.get(name) == before[name] and (own or name != "body")]
            task.update({name: self._places()[name] for name in follows})
        for task_id, changes in content.get("tasks", {}).items():
            if task_id not in tasks:
                tasks[task_id] = self._places()
            tasks[task_id].update(changes)
        for table, rows in content.get("rows", {}).items():
            known = self.rows.setdefault(table, {})
            for row_id, changes in rows.items():
                if table == "evidence" and row_id not in known and changes.get("latest"):
                    self._outdate(changes)
                known.setdefault(row_id, {}).update(changes)
        for row_id, row in content.get("rows", {}).get("evidence", {}).items():
            if "commitment" in row:
                self.committed[row_id] = row["commitment"]
        self._remarks(content)

    def _places(self) -> dict[str, Any]:
        """Where the tasks of the case are: its body's people act, or those of the body it is delegated to."""
        places = {name: self.case.get(name) for name in PLACES}
        return places | {"body": self.case.get("delegate") or self.case.get("body")}

    def _outdate(self, by: dict[str, Any]) -> None:
        """An answer takes the place of the one before it."""
        for answer in self.rows["evidence"].values():
            if all(answer.get(name) == by.get(name) for name in ("subject_kind", "subject_id", "field")):
                answer["latest"] = False

    def _remarks(self, value: Any) -> None:
        if isinstance(value, dict):
            if "id" in value and "commitment" in value:
                self.committed[value["id"]] = value["commitment"]
            for inner in value.values():
                self._remarks(inner)
        elif isinstance(value, list):
            for inner in value:
                self._remarks(inner)


def verify(folder: str) -> str:
    """Check the case file in a folder; gives the sentence that says so. Raises Fault."""
    case = json.loads(_read(folder, "case.json").decode("utf-8"))
    count, said, last = _chain(folder, case)
    if count != case["seq"]:
        raise Fault("case.json names entry {} as the last one, there are {}".format(case["seq"], count))
    if last != case["head"]:
        raise Fault("entry {} is not the one that case.json names as the last: it was changed".format(count))
    kept, erased = _words(folder, said)
    files = _documents(folder, said)
    _rows(case, said)
    sentence = "{}: holds. {} entries, {} answers and texts, {} documents".format(case["number"], count, kept, files)
    if erased:
        sentence += ", {} erased".format(erased)
    return "{}. Last digest: {}".format(sentence, last)


def _chain(folder: str, case: dict[str, Any]) -> tuple[int, Said, str]:
    previous, number, said = START, 0, Said()
    for line in _read(folder, "events.jsonl").splitlines():
        number += 1
        try:
            parsed = json.loads(line.decode("utf-8"))
            entry, content = parsed["entry"], parsed["content"]
            seq, named, owner = entry["seq"], entry["previous"], entry["chain_id"]
        except (ValueError, KeyError, TypeError):
            raise Fault("entry {} cannot be read".format(number))
        if seq != number:
            raise Fault("entry {} is missing or stands elsewhere".format(number))
        if named != previous:
            raise Fault("entry {} does not follow entry {}: one of the two was changed".format(number, number - 1))
        if owner != case["id"]:
            raise Fault("entry {} belongs to another case".format(number))
        previous = hashlib.sha256(line).hexdigest()
        said.hear(content)
    return number, said, previous


def _rows(case: dict[str, Any], said: Said) -> None:
    """What case.json says is what the entries come to."""
    _compare("the case", case["case"], said.case)
    if case["number"] != said.case["number"]:
        raise Fault("case.json has the number {}, the entries say {}".format(case["number"], said.case["number"]))
    for table in sorted(set(case["rows"]) | set(said.rows)):
        listed = {row["id"]: row for row in case["rows"].get(table, [])}
        known = said.rows.get(table, {})
        for row_id in sorted(set(listed) ^ set(known)):
            raise Fault(
                "{} {} is {} only".format(table, row_id, "in case.json" if row_id in listed else "in the entries")
            )
        for row_id, row in sorted(listed.items()):
            _compare("{} {}".format(table, row_id), row, known[row_id])


def _compare(what: str, row: dict[str, Any], said: dict[str, Any]) -> None:
    for name, value in sorted(row.items()):
        told = said.get(name)
        if name != "id" and value != told and not (name not in said and value in UNSAID):
            raise Fault("case.json says {} of {} is {}, the entries say {}".format(name, what, value, told))


def _words(folder: str, said: Said) -> tuple[int, int]:
    kept, erased, missing = 0, 0, dict(said.committed)
    for line in _read(folder, "words.jsonl").splitlines():
        word = json.loads(line.decode("utf-8"))
        commitment = missing.pop(word["id"], None)
        if commitment is None:
            raise Fault("words.jsonl holds {} {}, of which no entry knows".format(word["kind"], word["id"]))
        if word["salt"] is None:
            erased += 1
            continue
        proof = "{}\n{}".format(word["salt"], word["value"]).encode("utf-8")
        if hashlib.sha256(proof).hexdigest() != commitment:
            raise Fault("{} {} is not what its entry commits to".format(word["kind"], word["id"]))
        kept += 1
    if missing:
        raise Fault("words.jsonl lacks {}".format(", ".join(sorted(missing))))
    return kept, erased


def _documents(folder: str, said: Said) -> int:
    named = {row_id: row["sha256"] for row_id, row in said.rows.get("document", {}).items()}
    listed = json.loads(_read(folder, "documents.json").decode("utf-8"))
    if set(listed) != set(named):
        raise Fault("documents.json does not list the documents the entries name")
    for row_id, document in sorted(listed.items()):
        if document["file"] != os.path.basename(document["file"]):
            raise Fault("document {} has no proper name".format(row_id))
        if hashlib.sha256(_read(folder, "documents", document["file"])).hexdigest() != named[row_id]:
            raise Fault("document {} ({}) was changed".format(row_id, document["file"]))
    return len(listed)


def _read(*path: str) -> bytes:
    try:
        with open(os.path.join(*path), "rb") as file:
            return file.read()
    except OSError:
        raise Fault("{} is missing".format("/".join(path[1:])))


def main(words: list[str]) -> int:
    folder = words[1] if len(words) > 1 else os.path.dirname(os.path.abspath(__file__))
    try:
        print(verify(folder))
    except Fault as fault:
        print("DOES NOT HOLD: {}".format(fault))
        return 1
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print("DOES NOT HOLD: a file cannot be read ({!r})".format(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
