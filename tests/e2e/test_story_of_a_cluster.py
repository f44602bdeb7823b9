"""The story of a cluster: a Landkreis and four towns connect one service together, and little of it goes to plan.

What people decide is done on their pages; only what nobody would tell – the routine tasks before it comes to the
point – is done by the engine. Every date is a literal, counted by hand on a calendar of Rheinland-Pfalz. Its public
holidays in the spring of 2027: Thursday 6 May (Ascension), Monday 17 May (Whit Monday), Thursday 27 May (Corpus
Christi); 1 May is a Saturday.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Site
from tests.webui.visitor import PASSWORD
from tests.world import TOWN as KREIS
from workflow import cases, clock, events, following, history, people, prerequisites, reminders, sessions
from workflow.engine import SYSTEM
from workflow.models import Case, Event, Notice, Prerequisite, Task

BINGEN = "073390005005"
BUDENHEIM = "073390009009"
INGELHEIM = "073390030030"
NIEDER_OLM = "073395006000"
TOWNS = {
    BINGEN: "Stadt Bingen am Rhein",
    BUDENHEIM: "Gemeinde Budenheim",
    INGELHEIM: "Stadt Ingelheim am Rhein",
    NIEDER_OLM: "Verbandsgemeinde Nieder-Olm",
}
SERVICE = "eheschliessung"
CRITICAL, MINOR = "Schwer – Betrieb noch nicht möglich", "Leicht"
CLUSTER = "Standesämter im Landkreis Mainz-Bingen"
PICTURES = os.environ.get("STARTKLAR_PICTURES")


@pytest.mark.timeout(300)  # eight people, some sixty pages: on a busy machine that takes its time
def test_a_kreis_and_four_towns_bring_a_service_into_operation(site: Site, pdf: Path) -> None:
    story = Story(site, pdf)
    story.day(2027, 4, 19)
    story.people_arrive()
    story.the_programme_office_founds_the_cluster()
    story.the_coordinator_decides_one_task_for_all_four()
    story.day(2027, 4, 26)
    story.all_four_are_contracted()
    story.day(2027, 4, 28)
    story.bingen_waits_for_its_vendor()
    story.day(2027, 5, 5)
    story.two_go_on_while_ingelheim_lacks_its_mandate()
    story.day(2027, 5, 12)
    story.the_test_in_nieder_olm_fails()
    story.day(2027, 5, 14)
    story.a_second_person_confirms_the_acceptance()
    story.day(2027, 5, 18)
    story.nieder_olm_goes_live()
    story.day(2027, 5, 21)
    story.bingen_goes_on_and_its_dates_have_moved()
    story.day(2027, 5, 24)
    story.nieder_olm_is_suspended()
    story.day(2027, 5, 26)
    story.nieder_olm_goes_on()
    story.ingelheim_has_its_mandate_and_catches_up()
    story.everything_is_on_record()


@dataclass
class Story:
    """What happens, in order."""

    site: Site
    pdf: Path
    case_of: dict[str, UUID] = field(default_factory=dict)
    pictures: int = 0

    # --- the beginning -----------------------------------------------------------------------------------------------

    def people_arrive(self) -> None:
        """The Landkreis has a co-ordinator; each town its head, one a registry office, one a treasury."""
        held_by = {
            "kreis": ("Katrin Kreis", f"digi@{KREIS}"),
            "ina": ("Ina Kasse", f"kasse@{INGELHEIM}"),
            "standesamt": ("Stefan Standesamt", f"fachamt@{NIEDER_OLM}", f"umsetzungsteam@{self.site.world.team}"),
            **{f"leitung_{body}": (f"Bürgermeisteramt {name}", f"leitung@{body}") for body, name in TOWNS.items()},
        }
        hashed = sessions.hash_password(PASSWORD)
        with self.site.world.engine.change(SYSTEM) as work:
            for who, (name, *held) in held_by.items():
                self.site.world.ids[who] = people.add(
                    work,
                    email=f"{who.replace('_', '-')}@startklar.example",
                    name=name,
                    password_hash=hashed,
                    language="de",
                    roles=[people.parse_role(role) for role in held],
                ).id
        for body in TOWNS:
            self.case_of[body] = self.site.world.open(SERVICE, body)

    def the_programme_office_founds_the_cluster(self) -> None:
        page = self._window("office")
        page.goto("/bodies")
        page.get_by_role("link", name="Verbünde ansehen").click()
        page.get_by_text("Verbund gründen").first.click()
        page.get_by_label("Name des Verbunds").fill(CLUSTER)
        page.get_by_label("Welche Kommune führt?").select_option("Landkreis Mainz-Bingen")
        for name in (*TOWNS.values(), "Eheschließung"):
            page.get_by_role("checkbox", name=name, exact=True).check()
        self.picture(page, "found")
        page.get_by_role("button", name="Verbund gründen").click()
        page.get_by_label("Wer koordiniert?").select_option("Katrin Kreis")
        page.get_by_role("button", name="Benennen").click()
        main = page.get_by_role("main")
        expect(main).to_contain_text("Katrin Kreis koordiniert von jetzt an")
        self.picture(page, "cluster")
        for name in TOWNS.values():
            expect(main.get_by_role("row").filter(has_text=name)).to_contain_text("Angefragt")

    def the_coordinator_decides_one_task_for_all_four(self) -> None:
        """One decision, four cases: an entry in the history of each, one notice for whoever is next."""
        task = "Vormerkung annehmen oder Interesse bekunden"
        page = self._window("kreis")
        main = page.get_by_role("main")
        page.goto("/")
        expect(main.get_by_role("listitem").filter(has_text=task).first).to_contain_text("im Verbund")
        self.picture(page, "inbox-of-the-coordinator")
        main.get_by_role("link", name=task).first.click()
        page.get_by_role("link", name="Für mehrere Kommunen erledigen").click()
        for name in TOWNS.values():
            expect(page.get_by_label(name)).to_be_checked()
        page.get_by_label("Datum der Bestätigung").fill("19.04.2027")
        page.get_by_label("Zuständige Stelle in Ihrem Haus").fill("Standesamt")
        self.picture(page, "together")
        page.get_by_role("button", name="Für alle angekreuzten abgeben").click()
        for name in TOWNS.values():
            expect(main.get_by_role("listitem").filter(has_text=name)).to_contain_text("erledigt")
        self.picture(page, "together-done")

        decisions = set()
        for case_id in self.case_of.values():
            (decided,) = [one for one in self._history(case_id) if "together" in one]
            decisions.add(decided["together"])
        assert len(decisions) == 1, "one decision"
        with self.site.world.look() as work:
            told = work.session.execute(
                sa.select(Notice.facts).where(
                    Notice.recipient_id == self.site.world["team"], Notice.name == "asked", Notice.case_id.is_not(None)
                )
            ).scalars()
            assert [json.loads(facts)["cases"] for facts in told] == [4], "one notice, and it says of how many"
        page = self._window("team")
        page.goto(f"/cases/{self.case_of[BINGEN]}")
        entry = page.locator("#history").get_by_role("listitem").filter(has_text="mehrere Kommunen zugleich")
        expect(entry).to_have_count(1)
        expect(entry).to_contain_text("Katrin Kreis")
        self.picture(page, "case-after-one-decision")

    def all_four_are_contracted(self) -> None:
        """What is agreed on before the technical work, and the contract of the Land: routine."""
        world = self.site.world
        for body in TOWNS:
            self._routine(body)
        world.reach_milestones(self.case_of[BINGEN])
        following.work_off(world.engine)
        for case_id in self.case_of.values():
            with world.by("team") as work:
                cases.advance(work, case_id, "contract")
        for body in TOWNS:
            self._prove(body, but=("payment_mandate",) if body == INGELHEIM else ())

    # --- Bingen: the vendor ------------------------------------------------------------------------------------------

    def bingen_waits_for_its_vendor(self) -> None:
        """The module is ordered, and promised for 20 May; until then the case rests."""
        page = self._window("kreis")
        self._open_task(page, BINGEN, "order_vendor")
        page.get_by_label("Bestellnummer oder Aktenzeichen").fill("B 27/113")
        page.get_by_label("Datum der Bestellung").fill("27.04.2027")
        page.get_by_label("Zugesagter Termin des Herstellers").fill("20.05.2027")
        page.get_by_role("radio", name="Die Kommune").check()
        page.get_by_role("button", name="Erledigt melden").click()
        expect(page.get_by_role("main")).to_contain_text("„Modul für das Fachverfahren bestellen“ ist erledigt.")

        page = self._window("team")
        page.goto("/registers")
        page.locator("summary", has_text="Hersteller ergänzen").click()
        page.get_by_label("Name des Herstellers").fill("Verlag für Standesamtswesen")
        page.get_by_role("button", name="Hersteller ergänzen").click()
        page.goto(f"/cases/{self.case_of[BINGEN]}")
        expect(self._line(page, "Zuständigkeit und Link in BUS-RLP eintragen")).to_contain_text("11. Mai")
        page.get_by_role("link", name="Vorgang anhalten").click()
        page.get_by_label("Was hält den Vorgang auf?").select_option("Hersteller des Fachverfahrens liefert nicht")
        page.get_by_label("Auf wen warten Sie?").select_option("Verlag für Standesamtswesen")
        page.get_by_label("Zugesagt bis").fill("20.05.2027")
        page.get_by_label("Wann sehen Sie wieder nach?").fill("21.05.2027")
        page.get_by_label("Begründung").fill("Das Modul kommt mit der nächsten Version.")
        self.picture(page, "hold")
        page.get_by_role("button", name="Vorgang anhalten").click()
        main = page.get_by_role("main")
        expect(main).to_contain_text("Verlag für Standesamtswesen")
        expect(main).to_contain_text("Do., 20. Mai")
        expect(main).to_contain_text("Fr., 21. Mai")
        self.picture(page, "case-at-rest")

    def bingen_goes_on_and_its_dates_have_moved(self) -> None:
        """What is counted in working days moves by those of the pause; what the vendor promised does not.

        The pause: 29, 30 April (2), 3–5 May (5), 7 (6), 10–14 (11), 18–21 (15); the 6th and the 17th are holidays.
        The entry in BUS-RLP, ten days after 26 April: 27–30 April (4), 3–5 May (7), 7 (8), 10, 11 May (10). And
        15 more: 12–14 (3), 18–21 (7), 24–26 (10), 28 (11), 31 May (12), 1–3 June (15); the 17th and the 27th are
        holidays.
        """
        with self.site.world.look() as work:
            query = sa.select(Notice.case_id, Notice.created_at).where(Notice.subject_kind == "hold")
            told = {(case_id, at.date()) for case_id, at in work.session.execute(query)}
        assert told == {(self.case_of[BINGEN], dt.date(2027, 5, 21))}, "told on the day of the review, and not before"
        page = self._window("team")
        page.goto(f"/cases/{self.case_of[BINGEN]}")
        page.get_by_role("button", name="Vorgang fortsetzen").click()
        expect(self._line(page, "Zuständigkeit und Link in BUS-RLP eintragen")).to_contain_text("Do., 3. Juni")
        expect(self._line(page, "Fachverfahren bereit machen")).to_contain_text("seit 1 Arbeitstag überfällig")
        expect(page.get_by_role("main")).to_contain_text("15 Arbeitstage")
        self.picture(page, "case-goes-on")
        self._open_task(page, BINGEN, "pvog_entry")
        page.get_by_text("Warum dieses Datum?").click()
        steps = page.locator(".sk-steps").first
        expect(steps).to_contain_text("10 Arbeitstage später ist Di., 11. Mai")
        expect(steps).to_contain_text("Christi Himmelfahrt (Do., 6. Mai)")
        expect(steps).to_contain_text(
            "von Mi., 28. April bis Fr., 21. Mai geruht, das sind 15 Arbeitstage: Do., 3. Juni"
        )
        expect(steps).to_contain_text("Pfingstmontag (Mo., 17. Mai)")
        expect(steps).to_contain_text("Fronleichnam (Do., 27. Mai)")
        self.picture(page, "why-this-date")
        self._open_task(page, BINGEN, "fv_ready")
        page.get_by_text("Warum dieses Datum?").click()
        expect(page.locator(".sk-steps").first).to_contain_text("Zugesagt ist Do., 20. Mai")

    # --- Ingelheim: the mandate --------------------------------------------------------------------------------------

    def two_go_on_while_ingelheim_lacks_its_mandate(self) -> None:
        """To apply was due five days after 26 April: 27–30 April (4), 3 May (5). On the 5th that is two days late."""
        for body in (BUDENHEIM, INGELHEIM, NIEDER_OLM):
            self._routine(body)
        page = self._window("kreis")
        page.goto(f"/cases/{self.case_of[INGELHEIM]}")
        expect(page.get_by_role("region", name="Warum es nicht weitergeht")).to_have_count(0)  # nothing else is missing
        why = page.locator(".sk-next")
        expect(why.get_by_role("heading", name="Mandanten beantragen")).to_be_visible()
        expect(why).to_contain_text("Mandant beim Bezahldienst (ePayBL)")
        expect(why).to_contain_text("Ina Kasse")
        expect(why).to_contain_text("seit 2 Arbeitstagen überfällig")
        self.picture(page, "why-not")

        page = self._window("team")
        page.goto(f"/cases?service={SERVICE}")
        for body in (BUDENHEIM, INGELHEIM, NIEDER_OLM):
            page.get_by_label(f"Eheschließung, {TOWNS[body]} auswählen").check()
        page.get_by_role("button", name="Mit den ausgewählten …").click()
        page.get_by_label("Anbindung bestätigen").check()
        page.get_by_role("button", name="Weiter: erst ansehen").click()
        expect(page.get_by_text("Bei einem Vorgang geht es nicht")).to_be_visible()
        self.picture(page, "bulk")
        page.get_by_role("button", name="Jetzt mit 2 Vorgängen ausführen").click()
        expect(page.get_by_text("Bearbeitet: 2. Bei einem Vorgang ging es nicht.")).to_be_visible()
        self.picture(page, "bulk-done")
        self._states_are(
            {BINGEN: "contracted", BUDENHEIM: "connected", INGELHEIM: "contracted", NIEDER_OLM: "connected"}
        )

    def ingelheim_has_its_mandate_and_catches_up(self) -> None:
        page = self._window("ina")
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name=re.compile("Mandant")).first.click()
        page.get_by_label("Beantragt am").fill("05.05.2027")
        page.get_by_role("button", name="Erledigt melden").click()
        for label in (
            "Mandantennummer Test",
            "Mandantennummer Produktion",
            "Bewirtschafter",
            "Bereich der Kassenzeichen",
        ):
            page.get_by_label(label).fill("4711")
        self.picture(page, "mandate")
        page.get_by_role("button", name="Erledigt melden").click()
        expect(page.get_by_role("heading", name="Das ist erledigt")).to_be_visible()
        following.work_off(self.site.world.engine)

        self._take(INGELHEIM, "Anbindung bestätigen")
        self._states_are({BINGEN: "contracted", BUDENHEIM: "connected", INGELHEIM: "connected", NIEDER_OLM: "live"})

    # --- Nieder-Olm: tests, operation, suspension --------------------------------------------------------------------

    def the_test_in_nieder_olm_fails(self) -> None:
        """The second attempt counts anew from 12 May: 13, 14 (2), 18, 19, 20 May (5); the 17th is a holiday."""
        self._routine(NIEDER_OLM, but=("acceptance",))
        page = self._window("standesamt")
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name="Dienst abnehmen").first.click()
        page.get_by_label("Abnahmeprotokoll").set_input_files(self.pdf)
        page.get_by_role("radio", name=CRITICAL).check()
        page.get_by_label("Offene Mängel und bis wann sie behoben sind").fill(
            "Nach dem Bezahlen bricht die Anmeldung ab."
        )
        page.get_by_role("button", name="Zur Prüfung geben").click()

        page = self._window("team")
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name="Dienst abnehmen").first.click()
        page.get_by_label("Begründung").fill("Erst muss das Bezahlen gehen. Das Protokoll ist gut.")
        page.get_by_label("Schwerster offener Mangel").check()
        page.get_by_label("Offene Mängel und bis wann sie behoben sind").check()
        self.picture(page, "to-be-checked")
        page.get_by_role("button", name="Zurückgeben").click()

        page = self._window("standesamt")
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name="Dienst abnehmen").first.click()
        main = page.get_by_role("main")
        expect(main).to_contain_text("2. Anlauf")
        expect(main).to_contain_text("Erst muss das Bezahlen gehen.")
        expect(main).to_contain_text("Do., 20. Mai")
        expect(page.get_by_label("Abnahmeprotokoll")).to_be_hidden()
        expect(page.get_by_role("radio", name=CRITICAL)).to_be_visible()
        expect(page.get_by_text("Eine Angabe bleibt wie angegeben")).to_be_visible()
        page.get_by_text("1. Anlauf").click()
        expect(main.get_by_role("link", name="Vertrag.pdf")).to_be_visible()
        self.picture(page, "second-attempt")

    def a_second_person_confirms_the_acceptance(self) -> None:
        """Stefan works for the team as well, two days a week; what he handed in for his town he cannot confirm.

        A check is due in five days: 18–21 (4), 24 May (5); the 17th is a holiday.
        """
        page = self._window("standesamt")
        self._open_task(page, NIEDER_OLM, "acceptance")
        page.get_by_role("radio", name=MINOR).check()
        page.get_by_label("Offene Mängel und bis wann sie behoben sind").fill("Ein Tippfehler, bis 31. Mai.")
        page.get_by_role("button", name="Zur Prüfung geben").click()
        self._open_task(page, NIEDER_OLM, "acceptance")
        main = page.get_by_role("main")
        expect(main).to_contain_text("Ihre Angaben werden geprüft")
        expect(main).to_contain_text("Colleague, Team")
        expect(page.get_by_role("button", name="Prüfung bestätigen")).to_have_count(0)
        self.picture(page, "being-checked")
        # Nothing on the page offers it; whoever sends the form all the same is refused.
        page.evaluate(
            """() => {
                const form = document.querySelector("form:has([name=seen])");
                form.action = location.pathname + "/confirm";
                form.submit();
            }"""
        )
        expect(main).to_contain_text("Sie können das nicht selbst bestätigen")
        expect(main).to_contain_text("Prüfen kann es: Colleague, Team.")
        self.picture(page, "four-eyes")

        page = self._window("colleague")
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name="Dienst abnehmen").first.click()
        expect(page.get_by_role("main")).to_contain_text("Mo., 24. Mai")
        self.picture(page, "second-person")
        page.get_by_role("button", name="Prüfung bestätigen").click()
        expect(page.get_by_role("main")).to_contain_text("„Dienst abnehmen“ ist bestätigt")
        self._take(NIEDER_OLM, "Tests bestätigen")

    def nieder_olm_goes_live(self) -> None:
        page = self._window(f"leitung_{NIEDER_OLM}")
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name="Über den Start entscheiden").first.click()
        page.get_by_label("Der Dienst soll freigeschaltet werden").check()
        page.get_by_label("Tag der Freischaltung").fill("18.05.2027")
        page.get_by_role("button", name="Erledigt melden").click()
        page = self._window("team")
        page.goto("/")
        page.get_by_role("main").get_by_role("link", name="Dienst freischalten").first.click()
        page.get_by_label("Tag der Freischaltung").fill("18.05.2027")
        page.get_by_label("Uhrzeit").fill("10:00")
        page.get_by_label("Endgültige Startadresse").fill("https://www.nieder-olm.example/eheschliessung")
        page.get_by_role("button", name="Erledigt melden").click()
        self._take(NIEDER_OLM, "Produktiv setzen")
        page = self._window(f"leitung_{NIEDER_OLM}")
        page.goto(f"/cases/{self.case_of[NIEDER_OLM]}")
        expect(page.get_by_role("main")).to_contain_text("Produktiv seit Di., 18. Mai")
        self.picture(page, "live")
        self.site.world.do(self.case_of[NIEDER_OLM], "link_check", "kreis")

    def nieder_olm_is_suspended(self) -> None:
        page = self._window("team")
        page.goto(f"/cases/{self.case_of[NIEDER_OLM]}")
        page.get_by_role("link", name="Betrieb aussetzen").click()
        page.get_by_label("Grund").fill("Eine Sicherheitslücke beim Bezahldienst.")
        self.picture(page, "suspend")
        page.get_by_role("button", name="Betrieb aussetzen").click()
        page = self._window(f"leitung_{NIEDER_OLM}")
        page.goto(f"/cases/{self.case_of[NIEDER_OLM]}")
        expect(page.get_by_role("main")).to_contain_text("Ausgesetzt seit Mo., 24. Mai")
        why = page.get_by_role("region", name="Warum es nicht weitergeht")
        expect(why).to_contain_text("Eine Sicherheitslücke beim Bezahldienst.")
        self.picture(page, "suspended")

    def nieder_olm_goes_on(self) -> None:
        """The link is checked within one day: the 27th is a holiday, so by Friday 28 May."""
        page = self._window("team")
        page.goto(f"/cases/{self.case_of[NIEDER_OLM]}")
        page.get_by_role("link", name="Betrieb wieder aufnehmen").first.click()
        page.get_by_label("Grund").fill("Die Lücke ist geschlossen.")
        page.get_by_role("button", name="Betrieb wieder aufnehmen").click()
        check = self._line(page, "Link im Betrieb prüfen")
        expect(check).to_contain_text("2. Anlauf")
        expect(check).to_contain_text("Fr., 28. Mai")
        self.picture(page, "live-again")

    # --- the end -----------------------------------------------------------------------------------------------------

    def everything_is_on_record(self) -> None:
        page = self._window("kreis")
        page.goto("/clusters")
        page.get_by_role("link", name=CLUSTER).click()
        for body, state in {
            BINGEN: "Vertrag geschlossen",
            BUDENHEIM: "Angebunden",
            INGELHEIM: "Angebunden",
            NIEDER_OLM: "Produktiv",
        }.items():
            expect(page.get_by_role("row").filter(has_text=TOWNS[body])).to_contain_text(state)
        expect(page.get_by_role("row").filter(has_text="Landkreis Mainz-Bingen")).to_contain_text("nicht zuständig")
        self.picture(page, "cluster-at-the-end")
        with self.site.world.look() as work:
            for case_id in self.case_of.values():
                assert events.broken_at(work, case_id) is None
                assert history.differences(work, "case", case_id) == ()

    def picture(self, page: Page, name: str) -> None:
        """For those who want to see what a step looked like."""
        self.pictures += 1
        if PICTURES:
            page.screenshot(path=Path(PICTURES) / f"{self.pictures:02}-{name}.png", full_page=True)

    def day(self, year: int, month: int, day: int) -> None:
        """It is nine o'clock on this day; what time brings has happened."""
        with self.site.world.engine.change(SYSTEM) as work:
            clock.set_to(work, dt.datetime(year, month, day, 9, tzinfo=ZoneInfo("Europe/Berlin")))
        following.work_off(self.site.world.engine)
        reminders.decide(self.site.world.engine)

    def _history(self, case_id: UUID) -> list[dict[str, object]]:
        with self.site.world.look() as work:
            query = sa.select(Event.content).where(Event.chain_id == case_id).order_by(Event.seq)
            return [json.loads(content) for content in work.session.execute(query).scalars()]

    def _open_task(self, page: Page, body: str, name: str) -> None:
        page.goto(f"/tasks/{self.site.world.task(self.case_of[body], name)}")

    def _line(self, page: Page, title: str) -> Locator:
        """The line of a task on the page of its case."""
        return page.locator("#tasks").get_by_role("listitem").filter(has_text=title)

    def _who(self, body: str, acting: str) -> str:
        """Who has an account where it falls to."""
        if acting == "body.leitung":
            return f"leitung_{body}"
        return "kreis" if acting.startswith("body.") else "team"

    def _routine(self, body: str, but: tuple[str, ...] = ()) -> None:
        """Whatever is left to do in the present state, by whoever is in charge."""
        world, case_id = self.site.world, self.case_of[body]
        while True:
            with world.look() as work:
                row = work.session.execute(
                    sa.select(Task.name, Task.acting)
                    .join(Case, sa.and_(Case.id == Task.case_id, Case.state == Task.state))
                    .where(Task.case_id == case_id, Task.status == "ready", Task.name.not_in(but))
                    .order_by(Task.name)
                ).first()
            if row is None:
                return
            world.do(case_id, row.name, self._who(body, row.acting))

    def _prove(self, body: str, but: tuple[str, ...] = ()) -> None:
        """Whatever the town needs once, but these."""
        world = self.site.world
        while True:
            with world.look() as work:
                row = work.session.execute(
                    sa.select(
                        Prerequisite.id, Prerequisite.kind, Prerequisite.step, Prerequisite.acting, Prerequisite.status
                    )
                    .where(
                        Prerequisite.body == body,
                        Prerequisite.kind.not_in(but),
                        Prerequisite.status.in_(("ready", "accepted", "submitted")),
                    )
                    .order_by(Prerequisite.kind)
                ).first()
                given = world.proof(work, row.kind, row.step) if row else {}
            if row is None:
                break
            with world.by("colleague" if row.status == "submitted" else f"leitung_{body}") as work:
                if row.status == "submitted":
                    prerequisites.confirm(work, row.id)
                else:
                    prerequisites.complete(work, row.id, given)
        following.work_off(world.engine)

    def _window(self, who: str) -> Page:
        page = self.site.window(who)
        page.set_default_timeout(10_000)
        return page

    def _take(self, body: str, title: str) -> None:
        """The team takes the next step from the page of the case."""
        page = self._window("team")
        page.goto(f"/cases/{self.case_of[body]}")
        page.get_by_role("button", name=title).click()
        expect(page.get_by_role("main")).to_contain_text("Der Vorgang steht jetzt auf")

    def _states_are(self, expected: dict[str, str]) -> None:
        assert {body: self.site.world.case(case_id).state for body, case_id in self.case_of.items()} == expected
