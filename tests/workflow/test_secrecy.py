"""Keys, passwords and tokens are recognised; ordinary sentences are left alone."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.world import EMPTY_TOWN, TOWN, World, contents
from workflow import (
    bulk,
    cases,
    clusters,
    comments,
    documents,
    evidence,
    milestones,
    prerequisites,
    programme,
    registers,
    secrecy,
    takeover,
    tasks,
)
from workflow.definition import EvidenceField, Text
from workflow.engine import Work
from workflow.errors import InvalidDocument, InvalidEvidence
from workflow.models import Milestone

RSA = bytes.fromhex("308204a40201000282010100") + b"\x11" * 200
PKCS8 = bytes.fromhex("308204bd020100300d06092a864886f70d0101010500048204a7") + b"\x22" * 200
ENCRYPTED = bytes.fromhex("308204e3301d060a2a864886f70d010c0103300f0408") + b"\x33" * 200
EC = bytes.fromhex("307702010104200102030405060708") + b"\x44" * 100
P12 = bytes.fromhex("308209a1020103308209") + b"\x55" * 200
CERTIFICATE = bytes.fromhex("3082037f30820267a003020102020900") + b"\x66" * 200
PASSWORD = "Passwort: Sommer2026!"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----"


def _packed(content: bytes) -> str:
    return base64.encodebytes(content).decode()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (PEM, "private_key"),
        ("siehe:\n-----BEGIN RSA PRIVATE KEY-----\nabc", "private_key"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----", "private_key"),
        ("-----BEGIN EC PRIVATE KEY-----", "private_key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE", "private_key"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "private_key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519", "private_key"),
        (_packed(RSA), "private_key"),
        (f"Unser Schlüssel: {_packed(PKCS8)}", "private_key"),
        (_packed(ENCRYPTED), "private_key"),
        (_packed(EC), "private_key"),
        (_packed(P12), "private_key"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": "abc", "d": "x" * 43}), "private_key"),
        (json.dumps({"kty": "oct", "k": "x" * 43}), "private_key"),
        ("Passwort: Sommer2026!", "password"),
        ("Passwort: geheimnisvoll", "password"),
        ("Das Kennwort lautet Rheinland", "password"),
        ("Das Passwort ist Xy12-ab!9", "password"),
        ("pwd=hunter2hunter", "password"),
        ("Benutzer admin, Passwort=Wohngeld#7", "password"),
        ("The password is Tr0ub4dor&3", "password"),
        ("Zertifikatspasswort: „Mainz!2026“", "password"),
        ("https://admin:geheim@epaybl.example/", "credentials"),
        ("ftp://nutzer:abc123@server.example", "credentials"),
        ("ghp_" + "a1B2" * 9, "token"),
        ("Token glpat-abcdefghij0123456789", "token"),
        ("AKIAIOSFODNN7EXAMPLE", "token"),
        ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijklmno", "token"),
        ("client_secret: 8f14e45fceea167a5a36dedd4bea2543", "token"),
        ("Client-Secret=Qx7pL0zR3vN8", "token"),
    ],
)
def test_what_must_stay_with_its_owner_is_recognised(text: str, kind: str) -> None:
    assert secrecy.found(text) == kind
    assert secrecy.found(f"Guten Tag,\n{text}\nMit freundlichen Grüßen") == kind


@pytest.mark.parametrize(
    "text",
    [
        "Das Passwort wird telefonisch mitgeteilt.",
        "Passwort: wird gesondert verschickt",
        "Passwort: siehe Tresor der Kasse",
        "Passwort: liegt beim IT-Dienstleister, Herr Müller",
        "Kennwort: bekannt",
        "Das Passwort ist abgelaufen und wurde zurückgesetzt.",
        "Das Kennwort lautet bei allen Kommunen anders.",
        "Bitte ändern Sie Ihr Passwort bis zum 31.12.2026.",
        "Die Anmeldung erfolgt mit Benutzername und Passwort (Basis-Vertrauensniveau).",
        "Das Passwort muss mindestens 12 Zeichen haben: Buchstaben und Ziffern.",
        "Passwort: ********",
        "Passwort: xxxxxxxx",
        "PIN: noch nicht beantragt",
        "Die PIN ist gesperrt.",
        "Der private Schlüssel bleibt beim Rechenzentrum; Verwahrort ist der Tresor.",
        "Private Schlüssel und Client-Geheimnisse bleiben bei uns.",
        "Fingerabdruck (SHA-256): 9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "DestinationID 3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "Seriennummer 04:A3:1B:00:FF, gültig bis 14.03.2029",
        "Mandantennummer Test 0815-4711, Bewirtschafter 1200345",
        "Aktenzeichen 12-345/2026-Wohngeld, Az. 7.1-OZG#2026",
        "IBAN stehen hier keine, Kassenzeichen 5510.000123.4 bis 5510.000999.9",
        "https://www.mainz-bingen.example/wohngeld?id=4711&stand=2026",
        "E-Mail an wohngeld@mainz-bingen.example, Telefon 06132 787-0",
        "siehe https://docs.fitko.de:443/fit-connect/docs@2",
        "-----BEGIN CERTIFICATE-----\nMIIDfzCCAmegAwIBAgIJ\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        _packed(CERTIFICATE),
        '{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx","e":"AQAB"}',
        "API-Key: beim Betreiber beantragt",
        "Das Client-Secret ist hinterlegt.",
        "Wir haben 3 Personen eingewiesen: Frau Klein (IT), Herr Groß (Kasse).",
        "Mozartstraße und Marktplatz: Montag bis Mittwoch; Mittelrheinwasserversorgungsgesellschaft",
        "Der Test lief über die OSCI-Strecke, Nachrichten-ID govello-1582719_2026@bea.",
    ],
)
def test_innocent_sentences_are_left_alone(text: str) -> None:
    assert secrecy.found(text) is None


@pytest.mark.parametrize("type_", ["text", "long_text"])
def test_a_field_refuses_it_and_says_what_to_give_instead(type_: Any) -> None:
    field = EvidenceField(type=type_, title=Text(de="x", en="x"))
    with pytest.raises(InvalidEvidence) as refused:
        evidence.read({"note": field}, {"note": "Passwort: Sommer2026!"})
    assert refused.value.faults["note"][0] == "evidence.secret_password"


def test_nothing_of_it_is_kept_wherever_it_is_typed(world: World) -> None:
    case_id = world.open()
    task_id = world.task(case_id, "express_interest")
    with pytest.raises(InvalidEvidence, match="evidence"), world.by("digi") as work:
        tasks.decline(work, task_id, PEM)
    with pytest.raises(InvalidEvidence), world.by("digi") as work:
        tasks.submit(
            work, task_id, world.answers(work, case_id, "express_interest") | {"authority": "pwd=hunter2hunter"}
        )
    with pytest.raises(InvalidEvidence), world.by("team") as work:
        cases.hold(work, case_id, blocker="certificate", reason=PEM, review_on=work.today.replace(year=2027))
    assert world.case(case_id).seq == 1


def test_no_other_door_keeps_it_either(world: World) -> None:
    case_id, resting = world.open(), world.open("uvg")
    task_id = world.task(case_id, "express_interest")
    with world.by("digi") as work:
        tasks.accept(work, task_id)
        review = work.today.replace(year=2027)
    with world.by("team") as work:
        cases.hold(work, resting, blocker="no_staff", reason="Urlaub", review_on=review)
        mandate = prerequisites.request(work, TOWN, "payment_mandate").id
        contract = work.session.execute(sa.select(Milestone.id).where(Milestone.service == "uvg").limit(1)).scalar_one()
    told = {"means": "phone", "told_on": "2026-11-20", "told_by": PASSWORD}
    taken = {"service": "ewa", "body": EMPTY_TOWN, "state": "live", "since": "2026-01-05", "source": PASSWORD}
    many = bulk.Order("hold", {"blocker": "no_staff", "reason": PASSWORD, "review_on": "2027-01-15"})
    doors: list[tuple[str, Callable[[Work], Any]]] = [
        ("digi", lambda work: tasks.hand_on(work, task_id, world["it"], PASSWORD)),
        ("digi", lambda work: comments.write(work, case_id, PASSWORD)),
        ("team", lambda work: tasks.record(work, task_id, told=told)),
        ("team", lambda work: tasks.add_ad_hoc(work, case_id, "Anrufen", PASSWORD, owner="body.it", working_days=5)),
        ("team", lambda work: cases.change_hold(work, resting, blocker="no_staff", reason=PASSWORD, review_on=review)),
        ("team", lambda work: cases.advance(work, case_id, "not_responsible", given={"reason": PASSWORD})),
        ("team", lambda work: bulk.ask(work, many, bulk.of_cases([case_id]))),
        ("team", lambda work: registers.add_vendor(work, PASSWORD)),
        ("supervisor", lambda work: tasks.extend(work, task_id, 5, PASSWORD)),
        ("supervisor", lambda work: prerequisites.extend(work, mandate, 5, PASSWORD)),
        ("kasse", lambda work: prerequisites.decline(work, mandate, PASSWORD)),
        ("office", lambda work: cases.move_to_team(work, case_id, "nord", reason=PASSWORD)),
        ("office", lambda work: milestones.plan(work, contract, review, PASSWORD)),
        ("office", lambda work: programme.move_wave(work, "welle-2027-02", review, PASSWORD)),
        ("office", lambda work: programme.set_target(work, review, PASSWORD)),
        ("office", lambda work: takeover.take_over(work, taken)),
        ("office", lambda work: clusters.found(work, PASSWORD, TOWN, [EMPTY_TOWN], ["wohngeld"])),
    ]
    before = contents(world)
    for number, (who, deed) in enumerate(doors):
        with pytest.raises(InvalidEvidence) as refused, world.by(who) as work:
            deed(work)
        assert "evidence.secret_password" in {key for key, _ in refused.value.faults.values()}, number
    assert contents(world) == before


def _office(part: str, words: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(part, f"<w:p><w:r><w:t>{words}</w:t></w:r></w:p>")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zugang.txt", b"Server 4\nPasswort: Sommer2026!\n"),
        ("zugang.txt", "Kennwort für Mörs\nKennwort: Sömmer2026!".encode("latin-1")),
        ("schluessel.txt", PEM.encode()),
        ("liste.csv", b"Dienst;Adresse\nePayBL;https://admin:geheim@epaybl.example/\n"),
        ("brief.docx", _office("word/document.xml", "Passwort: Sommer2026!")),
        ("tabelle.xlsx", _office("xl/sharedStrings.xml", "client_secret: 8f14e45fceea167a5a36dedd4bea2543")),
        ("text.odt", _office("content.xml", PEM.replace("\n", "</w:t><w:t>"))),
        ("anhang.pdf", b"%PDF-1.7\n-----BEGIN RSA PRIVATE KEY-----\n"),
    ],
)
def test_a_file_with_it_is_refused_and_does_not_stay_on_the_disk(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(InvalidDocument, match="secret"):
        documents.store(tmp_path, io.BytesIO(content), name)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_file_that_only_speaks_of_passwords_is_kept(tmp_path: Path) -> None:
    for name, content in (
        ("brief.docx", _office("word/document.xml", "Das Passwort wird telefonisch mitgeteilt.")),
        ("notiz.txt", b"Passwort: siehe Tresor der Kasse"),
    ):
        assert documents.store(tmp_path, io.BytesIO(content), name).size == len(content)


def test_an_office_file_that_unpacks_without_end_is_looked_at_only_so_far(tmp_path: Path) -> None:
    bomb = _office("word/document.xml", "a" * 60_000_000)
    assert documents.store(tmp_path, io.BytesIO(bomb), "gross.docx").size == len(bomb)
