"""One page that shows every component, for people who design and build pages."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, render_template

from webui import diagram, errors

blueprint = Blueprint("components", __name__)

_TODAY, _SOON, _LATE, _FAR = (dt.date(2026, 6, day) for day in (8, 11, 2, 24))
_ROAD = (
    ("requested", "Angefragt"),
    ("contracted", "Vertrag geschlossen"),
    ("connected", "Angebunden"),
    ("tested", "Getestet"),
    ("live", "Produktiv"),
)
_TABLE = (
    ("wohngeld-07339-1", "Mainz-Bingen", "Angebunden", 3, "Testfälle durchspielen", _SOON, 3, False, 4),
    ("ewa-073395005-1", "VG Nieder-Olm", "Angefragt", 1, "Nutzungsbedingungen annehmen", _LATE, 4, True, 7),
    ("ikfz-07133-1", "Bad Kreuznach", "Vertrag geschlossen", 2, "ePayBL-Mandant beantragen", _FAR, 12, False, 6),
    ("uvg-07111-1", "Koblenz", "Produktiv", 5, "Nachbetreuung", _FAR, 12, False, 1),
    ("fuehrerschein-07211-1", "Trier", "Getestet", 4, "Freischalten", _TODAY, 0, False, 2),
    ("einbuergerung-07315-2", "Mainz", "Angebunden", 3, "Zertifikat einspielen", _SOON, 3, False, 3),
)
_DISTRICTS = tuple(
    (name.lower(), name)
    for name in ("Ahrweiler", "Altenkirchen", "Alzey-Worms", "Birkenfeld", "Cochem-Zell", "Kusel", "Mayen-Koblenz")
)


_PROCESS = diagram.drawn(
    (
        diagram.Place(
            "requested",
            "Angefragt",
            steps=(
                diagram.Step(1, "Zuständigkeit prüfen", "Umsetzungsteam"),
                diagram.Step(2, "Nutzungsbedingungen annehmen", "Leitung der Kommune", (1,)),
            ),
        ),
        diagram.Place("connected", "Angebunden", steps=(diagram.Step(1, "Testfälle durchspielen", "Fachamt"),)),
        diagram.Place("live", "Produktiv", steps=(diagram.Step(1, "Link im Betrieb prüfen", "Redaktion"),)),
        diagram.Place("declined", "Abgelehnt", beside=True),
    ),
    (
        diagram.Way("connect", "Anbindung bestätigen", ("requested",), "connected"),
        diagram.Way("launch", "Produktiv setzen", ("connected",), "live"),
        diagram.Way("reject", "Test zurückweisen", ("connected",), "requested", back=True),
        diagram.Way("decline", "Anbindung ablehnen", ("requested", "connected"), "declined"),
    ),
)


@blueprint.get("/components")
def show() -> str:
    """Examples only; nothing on this page comes from or goes to the database."""
    return render_template(
        "components.html",
        today=_TODAY,
        soon=_SOON,
        far=_FAR,
        late=_LATE,
        road=_ROAD,
        table=_TABLE,
        districts=_DISTRICTS,
        drawing=_PROCESS,
        statuses=sorted(errors.WORDED),
    )
