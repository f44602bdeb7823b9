"""The smallest folder of definitions that hangs together, to be broken in one place at a time."""

from __future__ import annotations

from pathlib import Path

from workflow.definition import MESSAGES

PROCESS = "processes/onboarding/v1.yaml"
SERVICE = "services/dogs.yaml"

PROGRAMME = """\
programme: small
title: {de: Klein, en: Small}
land: Rheinland-Pfalz
process: onboarding
calendar:
  country: DE
  land: RP
  time_zone: Europe/Berlin
  reminders_at: "07:00"
  no_mail_on: ["12-24"]
targets:
  - {date: 2022-12-31, set_on: null, reason: {de: Gesetz, en: Law}, source: OZG}
  - {date: 2026-12-31, set_on: 2024-04-04, reason: {de: Neues Ziel, en: New target}, source: Land}
roles:
  leitung: {title: {de: Leitung, en: Head}}
  digi: {title: {de: Digi, en: Digi}}
  fachamt: {title: {de: Fachamt, en: Department}}
  it: {title: {de: IT, en: IT}}
  dsb: {title: {de: DSB, en: DPO}}
  isb: {title: {de: ISB, en: ISO}}
  kasse: {title: {de: Kasse, en: Treasury}}
  redaktion: {title: {de: Redaktion, en: Editors}}
  umsetzungsteam: {title: {de: Umsetzungsteam, en: Team}}
  supervisor: {title: {de: Aufsicht, en: Supervisor}}
  rollout_team: {title: {de: Roll-out, en: Roll-out}}
  programme_office: {title: {de: Büro, en: Office}}
  auditor: {title: {de: Revision, en: Auditor}}
  admin: {title: {de: Administration, en: Administration}}
ladders:
  short:
    title: {de: Kurz, en: Short}
    rungs:
      - {id: before, at: -2, to: [owner], message: reminder}
      - {id: due, at: 0, to: [owner, deputy], message: reminder}
      - {id: waiting, every: 10, to: [body.digi], message: reminder}
teams:
  north: {title: Nord, districts: ["071110000000"]}
  south: {title: Süd, districts: ["073310000000"], services: [dogs]}
operators:
  centre: {title: Rechenzentrum}
waves:
  first: {title: {de: Erste, en: First}, stichtag: 2027-02-16, services: [dogs]}
priorities: [dogs]
"""

ONBOARDING = """\
process: onboarding
version: 1
title: {de: Anbindung, en: Onboarding}
initial: requested
states:
  requested:
    title: {de: Angefragt, en: Requested}
    tasks:
      ask:
        title: {de: Fragen, en: Ask}
        owner: umsetzungsteam
        due: 5 working days
        ladder: short
        evidence:
          result:
            type: choice
            title: {de: Ergebnis, en: Result}
            options:
              good: {title: {de: Gut, en: Good}}
              bad: {title: {de: Schlecht, en: Bad}}
          promised_on: {type: date, title: {de: Zugesagt, en: Promised}, required: false}
      choose:
        title: {de: Wählen, en: Choose}
        owner: umsetzungsteam
        after: [ask]
        due: 30 calendar days
        ladder: short
        evidence:
          variant: {type: variant, title: {de: Variante, en: Variant}}
          amount: {type: number, title: {de: Zahl, en: Number}, least: 1, most: 9}
      sign:
        title: {de: Zeichnen, en: Sign}
        owner: body.leitung
        confirm: umsetzungsteam
        informs: [body.dsb]
        after: [choose]
        only_if: {ask.result: [good]}
        due: {promised: ask.promised_on, otherwise: 20 working days}
        ladder: short
        evidence:
          paper: {type: document, title: {de: Papier, en: Paper}, accept: [pdf]}
  connected:
    title: {de: Angebunden, en: Connected}
    tasks:
      test:
        title: {de: Testen, en: Test}
        owner: body.fachamt
        only_if: {variant.maturity: [e2e], ask.result: [good, bad]}
        due: {stichtag: 20 working days}
        ladder: short
  live:
    title: {de: Produktiv, en: Live}
    goal: true
  declined:
    title: {de: Abgelehnt, en: Declined}
    end: true
transitions:
  connect:
    title: {de: Anbinden, en: Connect}
    from: [requested]
    to: connected
    by: [umsetzungsteam]
    requires: [tasks_done, {milestone: contract}]
  launch:
    title: {de: Starten, en: Launch}
    from: [connected]
    to: live
    by: [umsetzungsteam]
    requires: [tasks_done, prerequisites_done]
    notify: [body.digi]
  revise:
    title: {de: Zurück, en: Back}
    from: [connected]
    to: requested
    by: [umsetzungsteam]
    reopens: [choose]
    back: true
    asks:
      reason: {type: long_text, title: {de: Grund, en: Reason}}
  decline:
    title: {de: Ablehnen, en: Decline}
    from: [requested, connected]
    to: declined
    by: [umsetzungsteam, body.leitung]
"""

DOGS = """\
service: dogs
title: {de: Hundesteuer, en: Dog tax}
summary: {de: Hunde anmelden, en: Register dogs}
keys: {leika: "99102013104000", ozg: "10254"}
focus: assumed
applies_to: towns
authority: {de: Steueramt, en: Tax office}
source: Satzung
confidence: assumed
operator: centre
payment: required
variants:
  portal:
    title: {de: Portal, en: Portal}
    maturity: e2e
    specialist_software: true
    prerequisites:
      - {kind: mandate}
      - {kind: mailbox, scope: dogs}
milestones:
  contract: {due: 2026-12-01}
participants:
  - {group: towns, role: {de: Wirkt mit, en: Takes part}}
"""

SHARED = """\
prerequisites:
  mandate:
    title: {de: Mandant, en: Mandate}
    owner: body.kasse
    due: 30 working days
    ladder: short
    evidence:
      number: {type: text, title: {de: Nummer, en: Number}}
      expires_on: {type: date, title: {de: Ablauf, en: Expiry}}
    valid_until: expires_on
    expiry_ladder: short
  mailbox:
    title: {de: Postfach, en: Mailbox}
    owner: body.it
    due: 10 working days
    ladder: short
    scoped_by: {de: Leistung, en: Service}
milestones:
  contract:
    title: {de: Vertrag, en: Contract}
    ladder: short
"""

GROUPS = """\
groups:
  towns:
    title: {de: Städte, en: Towns}
    kinds: [kreisfreie_stadt, landkreis]
    add: ["073310101000"]
    remove: ["073310000000"]
    source: Gemeindeverzeichnis
    confidence: sourced
"""

BODIES = """\
ars,ags,kind,name,display_name,district,district_ars,seat,postcode,population,area_km2,municipalities,latitude,longitude
071110000000,07111000,kreisfreie_stadt,Koblenz,Stadt Koblenz,,,Koblenz,56068,113378,105.25,1,50.34695,7.58479
073310000000,07331,landkreis,Alzey,"Kreis Alzey, Worms",Alzey,073310000000,Alzey,55232,133009,588.10,69,49.76,8.16
073310101000,,verbandsgemeinde,Wöllstein,VG Wöllstein,Alzey,073310000000,Wöllstein,55597,12000,80.1,8,49.81,7.96
"""

BOUNDARIES = """\
{"type":"FeatureCollection","features":[
{"type":"Feature","id":"071110000000","properties":{},"geometry":{"type":"Polygon","coordinates":[]}},
{"type":"Feature","id":"073310000000","properties":{},"geometry":{"type":"MultiPolygon","coordinates":[]}}
]}
"""

PAGE = "# Impressum\n\n[[Name der Behörde]]\n"

SAMPLE = "# Brief\n\nSehr geehrte Damen und Herren\n"

MESSAGE = """\
Subject: {service} in {body}

Please see to {task} until {due}.

Number {number}.
"""

FILES: dict[str, str] = {
    "README.md": "# Notes",
    "programme.yaml": PROGRAMME,
    PROCESS: ONBOARDING,
    "processes/released.txt": "# nothing yet\n",
    SERVICE: DOGS,
    "prerequisites.yaml": SHARED,
    "groups.yaml": GROUPS,
    "bodies/municipalities.csv": BODIES,
    "bodies/boundaries.geojson": BOUNDARIES,
    "bodies/attribution.txt": "© somebody\n",
    "samples/de/letter.md": SAMPLE,
    "pages/de/imprint.md": PAGE,
    "pages/en/imprint.md": PAGE,
    **{f"messages/{language}/{name}.txt": MESSAGE for language in ("de", "en") for name in ("reminder", *MESSAGES)},
}


def write_minimal(folder: Path) -> Path:
    """Write the folder and answer it."""
    for file, text in FILES.items():
        write(folder, file, text)
    return folder


def write(folder: Path, file: str, content: str | bytes) -> None:
    """Write one file of the folder, with the folders it lies in."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the one place where `old` stands in a file."""
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    write(folder, file, text.replace(old, new))
