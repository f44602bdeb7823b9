"""Checks one exported case file without the program that made it.

usage: python3 verify.py [FOLDER]     (without FOLDER: the folder this file lies in)

Needs Python 3.8 or newer and nothing else. Reads; changes nothing. Ends with 0 when everything holds, with 1 when not.
What is checked:

* events.jsonl – each line is one entry exactly as it was hashed. Its SHA-256 is its digest; the next line names it as
  `previous`, and case.json names the last one as `head`. So no entry was changed, dropped, added or put elsewhere.
* words.jsonl – free text and answers with their salts. SHA-256 of salt, line feed and value is the commitment in the
  entry. Where there is no salt any more the words were erased; that is no fault.
* documents/ – the SHA-256 of each file is the one in the entry.
* case.json – what it says of the case is what the entries say.

Whoever made the file could have made another one, consistent in itself. Compare the last digest with the one the
programme shows for the case (`startklar verify`), or with one you noted earlier.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Any

START = "0" * 64


class Fault(Exception):
    """Something does not hold."""


def verify(folder: str) -> str:
    """Check the case file in a folder; gives the sentence that says so. Raises Fault."""
    case = json.loads(_read(folder, "case.json").decode("utf-8"))
    count, said, last = _chain(folder, case)
    if (count, last) != (case["seq"], case["head"]):
        raise Fault("the last entries are missing: case.json names entry {}".format(case["seq"]))
    kept, erased = _words(folder, said)
    files = _documents(folder, said)
    for name, value in sorted(said["case"].items()):
        if name in case["case"] and case["case"][name] != value:
            raise Fault("case.json says {} is {}, the entries say {}".format(name, case["case"][name], value))
    sentence = "{}: holds. {} entries, {} answers and texts, {} documents".format(case["number"], count, kept, files)
    if erased:
        sentence += ", {} erased".format(erased)
    return "{}. Last digest: {}".format(sentence, last)


def _chain(folder: str, case: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
    previous, number = START, 0
    said: dict[str, Any] = {"case": {}, "committed": {}, "files": {}}
    for line in _read(folder, "events.jsonl").splitlines():
        number += 1
        try:
            parsed = json.loads(line.decode("utf-8"))
            entry, content = parsed["entry"], parsed["content"]
        except (ValueError, KeyError, TypeError):
            raise Fault("entry {} cannot be read".format(number))
        if entry["seq"] != number:
            raise Fault("entry {} is missing or stands elsewhere".format(number))
        if entry["previous"] != previous:
            raise Fault("entry {} does not follow the one before it: one of the two was changed".format(number))
        if entry["chain_id"] != case["id"]:
            raise Fault("entry {} belongs to another case".format(number))
        previous = hashlib.sha256(line).hexdigest()
        _hear(content, said)
    return number, said, previous


def _hear(content: dict[str, Any], said: dict[str, Any]) -> None:
    """What an entry says of the case, and what it commits to."""
    said["case"].update(content.get("case", {}))
    rows = content.get("rows", {})
    for row_id, row in rows.get("evidence", {}).items():
        if "commitment" in row:
            said["committed"][row_id] = row["commitment"]
    for row_id, row in rows.get("document", {}).items():
        if "sha256" in row:
            said["files"][row_id] = row["sha256"]
    _remarks(content, said["committed"])


def _remarks(value: Any, committed: dict[str, str]) -> None:
    if isinstance(value, dict):
        if "id" in value and "commitment" in value:
            committed[value["id"]] = value["commitment"]
        for inner in value.values():
            _remarks(inner, committed)
    elif isinstance(value, list):
        for inner in value:
            _remarks(inner, committed)


def _words(folder: str, said: dict[str, Any]) -> tuple[int, int]:
    kept, erased, missing = 0, 0, dict(said["committed"])
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


def _documents(folder: str, said: dict[str, Any]) -> int:
    listed = json.loads(_read(folder, "documents.json").decode("utf-8"))
    if set(listed) != set(said["files"]):
        raise Fault("documents.json does not list the documents the entries name")
    for row_id, document in sorted(listed.items()):
        if document["file"] != os.path.basename(document["file"]):
            raise Fault("document {} has no proper name".format(row_id))
        if hashlib.sha256(_read(folder, "documents", document["file"])).hexdigest() != said["files"][row_id]:
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
