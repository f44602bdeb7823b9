"""The definitions that come with the product: Rheinland-Pfalz, its bodies, its catalogue and its one process."""

from __future__ import annotations

import csv
import datetime as dt
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import holidays
import pytest
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from workflow.checking import check
from workflow.definition import (
    GROUPS,
    MESSAGES,
    PLACEHOLDERS,
    PROCESS,
    PROGRAMME,
    SERVICE,
    SHARED,
    AnswerRequirement,
    EvidenceField,
    Group,
    MilestoneRequirement,
    Process,
    Programme,
    Promised,
    Service,
    Shared,
    Stichtag,
    Task,
    WorkingDays,
    fingerprint,
    stored,
)

FOLDER = Path(__file__).resolve().parents[2] / "definitions"
SERVICES = sorted(path.stem for path in (FOLDER / "services").glob("*.yaml"))

# What rollout programmes document, as (owner, working days, ladder); other kinds of due dates are tested on their own.
EXPECTED = {
    "express_interest": ("body.digi", 10, "short"),
    "confirm_responsibility": ("umsetzungsteam", 5, "short"),
    "name_contacts": ("body.digi", 10, "short"),
    "take_inventory": ("body.it", 15, "normal"),
    "choose_variant": ("umsetzungsteam", 5, "short"),
    "accept_terms": ("body.leitung", 15, "normal"),
    "privacy_clearance": ("body.fachamt", 15, "normal"),
    "sign_dpa": ("body.leitung", 20, "normal"),
    "update_ropa": ("body.fachamt", 15, "normal"),
    "dpia_check": ("body.fachamt", 15, "normal"),
    "dpia": ("body.fachamt", 30, "normal"),
    "inform_staff_council": ("body.leitung", 15, "short"),
    "order_vendor": ("body.it", 20, "external"),
    "fv_ready": ("body.it", None, "external"),
    "pvog_entry": ("body.redaktion", 10, "short"),
    "service_parameters": ("body.fachamt", 10, "normal"),
    "questionnaire": ("body.digi", 10, "normal"),
    "handover_rollout": ("umsetzungsteam", None, "milestone"),
    "activate": ("rollout_team", 10, "external"),
    "pretest": ("body.fachamt", 5, "short"),
    "proband_test": ("body.fachamt", 10, "short"),
    "return_channel_test": ("body.fachamt", 5, "short"),
    "payment_test": ("body.kasse", 5, "short"),
    "content_check": ("body.redaktion", 5, "short"),
    "train_staff": ("body.fachamt", 15, "normal"),
    "arrange_intake": ("participant.digi", 15, "normal"),
    "instruct_intake": ("participant.fachamt", 15, "normal"),
    "support_ready": ("body.digi", 10, "short"),
    "acceptance": ("body.fachamt", 5, "normal"),
    "go_live_decision": ("body.leitung", 5, "short"),
    "go_live": ("rollout_team", 5, "short"),
    "silent_go_live": ("body.fachamt", 10, "short"),
    "link_check": ("body.redaktion", 1, "short"),
    "announce": ("body.digi", 10, "short"),
    "hypercare": ("umsetzungsteam", 20, "normal"),
    "volume_report": ("umsetzungsteam", 60, "normal"),
    "close": ("umsetzungsteam", 5, "normal"),
}

# Evidence in which somebody could be tempted to enter what must never be kept.
SECRET = re.compile(r"password|passphrase|private_key|secret|token|pin\b|iban", re.IGNORECASE)


def read(file: str, adapter: TypeAdapter[Any]) -> Any:
    """One file as its value."""
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    value = adapter.validate_python(yaml.load((FOLDER / file).read_text(encoding="utf-8")))
    assert adapter.validate_json(stored(adapter, value)) == value
    return value


@cache
def process() -> Process:
    value: Process = read("processes/efa-onboarding/v1.yaml", PROCESS)
    return value


@cache
def programme() -> Programme:
    value: Programme = read("programme.yaml", PROGRAMME)
    return value


@cache
def shared() -> Shared:
    value: Shared = read("prerequisites.yaml", SHARED)
    return value


@cache
def groups() -> Mapping[str, Group]:
    value: Mapping[str, Group] = read("groups.yaml", GROUPS).groups
    return value


@cache
def service(key: str) -> Service:
    value: Service = read(f"services/{key}.yaml", SERVICE)
    return value


@cache
def bodies() -> Mapping[str, Mapping[str, str]]:
    with (FOLDER / "bodies" / "municipalities.csv").open(encoding="utf-8", newline="") as file:
        return {row["ars"]: row for row in csv.DictReader(file)}


def members(group: Group) -> set[str]:
    return ({ars for ars, row in bodies().items() if row["kind"] in group.kinds} | {*group.add}) - {*group.remove}


def task(name: str) -> Task:
    return process().task(name)


def every_field() -> Iterator[tuple[str, EvidenceField]]:
    """Everything anybody is ever asked to enter, as (name of what asks, field)."""
    for _, name, definition in process().tasks():
        yield from ((f"{name}.{field}", asked) for field, asked in definition.evidence.items())
    for name, move in process().transitions.items():
        yield from ((f"{name}.{field}", asked) for field, asked in move.asks.items())
    for name, prerequisite in shared().prerequisites.items():
        yield from ((f"{name}.{field}", asked) for field, asked in prerequisite.fields().items())
    for name, milestone in shared().milestones.items():
        yield from ((f"{name}.{field}", asked) for field, asked in milestone.evidence.items())


def test_the_shipped_definitions_have_no_fault() -> None:
    assert [str(fault) for fault in check(FOLDER).faults] == []


def test_the_folder_holds_data_and_no_program() -> None:
    kinds = {path.suffix for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts}

    assert kinds <= {".yaml", ".txt", ".md", ".csv", ".geojson", ".json"}


# --- bodies and groups -----------------------------------------------------------------------------------------------


def test_there_are_194_bodies_of_four_kinds() -> None:
    assert Counter(row["kind"] for row in bodies().values()) == {
        "landkreis": 24,
        "kreisfreie_stadt": 12,
        "verbandsfreie_gemeinde": 29,
        "verbandsgemeinde": 129,
    }


@pytest.mark.parametrize(
    ("group", "count"),
    [
        ("all", 194),
        ("local_level", 170),
        ("district_level", 36),
        ("district_plus_large_towns", 44),
        ("youth_office", 41),
        ("large_towns", 8),
        ("verbandsgemeinden", 129),
    ],
)
def test_a_group_has_as_many_bodies_as_the_programme_counts(group: str, count: int) -> None:
    assert len(members(groups()[group])) == count


def test_every_body_a_group_names_exists() -> None:
    named = {ars for group in groups().values() for ars in (*group.add, *group.remove)}

    assert named <= set(bodies())


def test_a_group_adds_only_what_its_kinds_do_not_hold_already() -> None:
    for name, group in groups().items():
        of_kind = {ars for ars, row in bodies().items() if row["kind"] in group.kinds}
        assert not of_kind & {*group.add}, name


def test_the_large_towns_are_those_that_are_added_to_the_district_level() -> None:
    groups_ = groups()

    assert members(groups_["district_plus_large_towns"]) - members(groups_["district_level"]) == members(
        groups_["large_towns"]
    )
    assert members(groups_["youth_office"]) < members(groups_["district_plus_large_towns"])


def test_a_comment_beside_a_key_names_the_body_of_that_key() -> None:
    for file in ("programme.yaml", "groups.yaml"):
        for ars, name in re.findall(r'"(\d{12})"\s+# (.+)', (FOLDER / file).read_text(encoding="utf-8")):
            assert name in {bodies()[ars]["name"], bodies()[ars]["display_name"]}, (file, ars)


def test_each_district_has_exactly_one_team() -> None:
    districts = [ars for team in programme().teams.values() for ars in team.districts]

    assert Counter(districts) == dict.fromkeys(members(groups()["district_level"]), 1)


def test_the_notices_the_data_demands_are_there_to_show() -> None:
    attribution = (FOLDER / "bodies" / "attribution.txt").read_text(encoding="utf-8")

    assert "© Statistisches Bundesamt (Destatis), 2025" in attribution
    assert "Daten verändert: ausgewählt, umbenannt, summiert" in attribution
    assert "© GeoBasis-DE / BKG 2016 (Daten verändert" in attribution


# --- catalogue -------------------------------------------------------------------------------------------------------


def test_the_catalogue_has_the_sixteen_services() -> None:
    assert len(SERVICES) == 16


@pytest.mark.parametrize("key", SERVICES)
def test_a_service_reads_and_is_named_like_its_file(key: str) -> None:
    assert service(key).service == key


def test_no_title_has_a_hyphen_that_a_line_break_leaves_alone() -> None:
    """`Anlagengenehmigung und -zulassung` breaks after the hyphen; such a title is worded differently."""
    titles = [title for path in FOLDER.rglob("*.yaml") for title in _titles(YAML(typ="safe").load(path))]
    assert len(titles) > 300
    assert [title for title in titles if re.search(r"(^|\W)-\w|\w-(\W|$)", title)] == []


def _titles(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        title = value.get("title")
        if isinstance(title, Mapping):
            yield from (words for words in title.values() if isinstance(words, str))
        for inner in value.values():
            yield from _titles(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _titles(inner)


def test_opening_the_whole_catalogue_gives_860_cases() -> None:
    counts = {key: len(members(groups()[group])) for key in SERVICES if (group := service(key).applies_to) is not None}

    assert counts == {
        "ewa": 170,
        "eheschliessung": 170,
        "unternehmen": 170,
        "wohngeld": 44,
        "bauantrag": 44,
        "uvg": 41,
        "elterngeld": 41,
        "ikfz": 36,
        "fuehrerschein": 36,
        "einbuergerung": 36,
        "aufenthalt": 36,
        "bafoeg": 36,
    }
    assert sum(counts.values()) == 860


def test_only_the_confirmed_official_keys_are_given() -> None:
    leika = {key: service(key).keys.leika for key in SERVICES if service(key).keys.leika}
    ozg = {key: service(key).keys.ozg for key in SERVICES if service(key).keys.ozg}

    assert leika == {"buergergeld": "99107108017000"}
    assert ozg == {"aufenthalt": "10255"}


@pytest.mark.parametrize("key", [key for key in SERVICES if service(key).applies_to])
def test_a_service_with_cases_can_be_connected(key: str) -> None:
    entry = service(key)

    assert entry.variants
    assert "land_contract" in entry.milestones
    assert key in programme().priorities


@pytest.mark.parametrize("key", SERVICES)
def test_a_service_refers_only_to_what_exists(key: str) -> None:
    entry = service(key)

    assert entry.applies_to is None or entry.applies_to in groups()
    assert entry.operator is None or entry.operator in programme().operators
    assert set(entry.milestones) <= set(shared().milestones)
    assert {participant.group for participant in entry.participants} <= set(groups())
    for variant in entry.variants.values():
        for needed in variant.prerequisites:
            assert bool(needed.scope) == (shared().prerequisites[needed.kind].scoped_by is not None), needed


@pytest.mark.parametrize("key", SERVICES)
def test_a_service_with_a_fee_needs_a_payment_mandate_in_every_variant(key: str) -> None:
    entry = service(key)

    for name, variant in entry.variants.items():
        needs = {needed.kind for needed in variant.prerequisites}
        assert ("payment_mandate" in needs) == (entry.payment == "required"), name


def test_housing_benefit_can_be_connected_in_three_ways() -> None:
    variants = service("wohngeld").variants

    assert {name: variant.maturity for name, variant in variants.items()} == {
        "pdf_databox": "digital_in",
        "dvdv_xml": "e2e",
        "fitconnect": "e2e",
    }
    assert not variants["pdf_databox"].specialist_software


def test_no_date_of_a_milestone_is_invented() -> None:
    entries = [entry for key in SERVICES for entry in service(key).milestones.values()]

    assert all(entry.due is None and entry.reached is None for entry in entries)


# --- programme -------------------------------------------------------------------------------------------------------


def test_the_target_moved_twice_and_says_why() -> None:
    targets = programme().targets

    assert [target.date for target in targets] == [dt.date(2022, 12, 31), dt.date(2024, 12, 31), dt.date(2026, 12, 31)]
    assert all(target.reason.de and target.reason.en and target.source for target in targets)


def test_delivery_dates_of_waves_are_working_days() -> None:
    free = holidays.country_holidays("DE", subdiv="RP", language="de")

    for key, wave in programme().waves.items():
        assert wave.stichtag >= dt.date(2026, 12, 1), key
        assert wave.stichtag.weekday() < 5, key
        assert wave.stichtag not in free, key


def test_ladders_are_the_four_classes_of_the_programme() -> None:
    def steps(name: str) -> list[tuple[int | None, int | None, tuple[str, ...]]]:
        return [(rung.at, rung.every, rung.to) for rung in programme().ladders[name].rungs]

    assert steps("short") == [
        (-2, None, ("owner",)),
        (0, None, ("owner",)),
        (3, None, ("owner", "deputy")),
        (7, None, ("body.digi", "umsetzungsteam")),
        (12, None, ("supervisor",)),
    ]
    assert steps("normal") == [
        (-5, None, ("owner",)),
        (0, None, ("owner",)),
        (5, None, ("owner", "deputy")),
        (10, None, ("body.digi", "umsetzungsteam")),
        (15, None, ("supervisor", "body.leitung")),
        (25, None, ("programme_office",)),
    ]
    assert steps("external") == [
        (None, 10, ("owner",)),
        (5, None, ("owner", "umsetzungsteam")),
        (10, None, ("supervisor",)),
        (15, None, ("programme_office",)),
    ]
    assert steps("expiry") == steps("milestone")
    assert steps("milestone") == [
        (-60, None, ("owner",)),
        (-30, None, ("owner",)),
        (-10, None, ("owner",)),
        (-2, None, ("owner",)),
        (0, None, ("supervisor",)),
    ]


# --- process ---------------------------------------------------------------------------------------------------------


def test_the_process_has_exactly_the_documented_tasks() -> None:
    assert {name for _, name, _ in process().tasks()} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_task_has_its_owner_time_and_ladder(name: str) -> None:
    owner, days, ladder = EXPECTED[name]
    definition = task(name)

    assert (definition.owner, definition.ladder) == (owner, ladder)
    if days is not None:
        assert definition.due == WorkingDays(days)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_task_explains_itself_in_both_languages_and_asks_for_evidence(name: str) -> None:
    definition = task(name)

    assert definition.help is not None
    assert definition.help.de != definition.help.en
    assert definition.evidence


def test_dates_that_others_set_are_due_dates_of_their_own_kind() -> None:
    assert task("handover_rollout").due == Stichtag(otherwise=WorkingDays(10))
    assert task("fv_ready").due == Promised(promised="order_vendor.promised_on", otherwise=WorkingDays(20))
    assert task("order_vendor").evidence["promised_on"].type == "date"


def test_two_tasks_need_a_second_person() -> None:
    assert {name: definition.confirm for _, name, definition in process().tasks() if definition.confirm} == {
        "questionnaire": "umsetzungsteam",
        "acceptance": "umsetzungsteam",
    }


def test_three_tasks_are_optional() -> None:
    assert {name for _, name, definition in process().tasks() if definition.optional} == {
        "inform_staff_council",
        "proband_test",
        "silent_go_live",
    }


def test_conditional_tasks_ask_what_decides_about_them() -> None:
    assert {name: dict(definition.only_if) for _, name, definition in process().tasks() if definition.only_if} == {
        "sign_dpa": {"privacy_clearance.outcome": ("avv_art28", "joint_art26", "agreement")},
        "dpia": {"dpia_check.result": ("dpia_required",)},
        "order_vendor": {"variant.specialist_software": (True,)},
        "fv_ready": {"variant.specialist_software": (True,)},
        "return_channel_test": {"variant.return_channel": (True,)},
        "payment_test": {"service.payment": ("required",)},
        "arrange_intake": {"service.participants": (True,)},
        "instruct_intake": {"service.participants": (True,)},
    }


def test_acceptance_comes_last_of_the_tests() -> None:
    connected = process().states["connected"].tasks

    assert set(connected["acceptance"].after) == set(connected) - {"acceptance"}


def test_the_variant_the_wave_and_the_closing_date_reach_the_case() -> None:
    setters = {field.sets: name for name, field in every_field() if field.sets}

    assert setters == {
        "variant": "choose_variant.connection_variant",
        "wave": "choose_variant.wave",
        "stichtag": "choose_variant.stichtag",
        "closed_on": "close.closed_on",
    }


def test_transitions_lead_forward_back_aside_and_to_the_ends() -> None:
    moves = {name: (move.from_, move.to, move.by, move.back) for name, move in process().transitions.items()}
    team = ("umsetzungsteam",)
    before_live = ("requested", "contracted", "connected", "tested")

    assert moves == {
        "contract": (("requested",), "contracted", team, False),
        "connect": (("contracted",), "connected", team, False),
        "pass_tests": (("connected",), "tested", team, False),
        "launch": (("tested",), "live", team, False),
        "revise_contract": (("contracted",), "requested", team, True),
        "reject_test": (("connected",), "contracted", team, True),
        "reopen_tests": (("tested",), "connected", team, True),
        "suspend": (("live",), "suspended", team, False),
        "resume": (("suspended",), "live", team, False),
        "not_responsible": (("requested", "contracted"), "not_responsible", team, False),
        "decline": (before_live, "declined", ("umsetzungsteam", "body.leitung"), False),
        "supersede": (("live", "suspended"), "superseded", ("system",), False),
    }


def test_each_step_forward_demands_its_tasks_the_contract_and_the_prerequisites() -> None:
    moves = process().transitions

    assert moves["contract"].requires == (
        "tasks_done",
        AnswerRequirement(answer={"confirm_responsibility.result": ("responsible", "delegated")}),
        MilestoneRequirement(milestone="land_contract"),
    )
    assert moves["connect"].requires == ("tasks_done", "prerequisites_done")
    assert moves["pass_tests"].requires == (
        "tasks_done",
        AnswerRequirement(answer={"acceptance.defects": ("nothing", "minor", "major")}),
    )
    assert moves["launch"].requires == ("tasks_done", MilestoneRequirement(milestone="law_adaptation"))


def test_every_other_move_people_make_asks_for_a_reason() -> None:
    forward = {"contract", "connect", "pass_tests", "launch"}
    by_hand = {name for name, move in process().transitions.items() if move.by != ("system",)}

    assert {name for name in by_hand if "reason" in process().transitions[name].asks} == by_hand - forward


def test_a_rejected_test_is_repeated_when_the_case_is_connected_again() -> None:
    assert {"pretest", "acceptance"} <= set(process().transitions["connect"].reopens)
    assert set(process().transitions["connect"].reopens) <= set(process().states["connected"].tasks)


def test_states_know_their_place() -> None:
    states = process().states

    assert [name for name, state in states.items() if not state.aside] == [
        "requested",
        "contracted",
        "connected",
        "tested",
        "live",
    ]
    assert [name for name, state in states.items() if state.goal] == ["live"]
    assert [name for name, state in states.items() if state.end] == ["not_responsible", "declined", "superseded"]


def test_the_released_version_has_its_fingerprint_on_record() -> None:
    released = dict(
        line.split()
        for line in (FOLDER / "processes" / "released.txt").read_text(encoding="utf-8").splitlines()
        if line
    )

    assert released == {process().id: fingerprint(process())}


# --- what nobody may be asked for ------------------------------------------------------------------------------------


def test_nobody_is_asked_for_a_secret() -> None:
    asked = {name: field.title.en for name, field in every_field()}

    assert {name: title for name, title in asked.items() if SECRET.search(name) or SECRET.search(title)} == {}


@pytest.mark.parametrize("kind", ["fitconnect_endpoint", "osci_certificate"])
def test_of_a_certificate_only_fingerprint_and_expiry_are_kept(kind: str) -> None:
    definition = shared().prerequisites[kind]

    assert {"fingerprint", "expires_on"} <= set(definition.fields())
    assert (definition.valid_until, definition.expiry_ladder) == ("expires_on", "expiry")
    assert not [name for name, field in definition.fields().items() if field.type == "document"]
    assert definition.help is not None
    assert re.search(r"[Pp]rivate", definition.help.en)


@pytest.mark.parametrize("name", ["pretest", "proband_test", "acceptance"])
def test_the_help_of_a_test_says_that_no_applicant_data_belongs_here(name: str) -> None:
    definition = task(name)

    assert definition.help is not None
    assert "Antragstellenden" in definition.help.de
    assert "applicant" in definition.help.en


# --- messages --------------------------------------------------------------------------------------------------------


def test_every_message_that_is_sent_exists_in_both_languages() -> None:
    of_rungs = {rung.message for ladder in programme().ladders.values() for rung in ladder.rungs}

    for language in ("de", "en"):
        assert {*MESSAGES, *of_rungs} == {path.stem for path in (FOLDER / "messages" / language).glob("*.txt")}


@pytest.mark.parametrize(
    "file", sorted((FOLDER / "messages").rglob("*.txt")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_a_message_has_a_subject_and_leaves_open_only_known_words(file: Path) -> None:
    subject, gap, *lines = file.read_text(encoding="utf-8").splitlines()
    blanks = {
        name for line in (subject, *lines) for _, name, _, _ in string.Formatter().parse(line) if name is not None
    }

    assert subject.startswith("Subject: ")
    assert gap == ""
    assert blanks <= set(PLACEHOLDERS)


def test_every_task_of_a_town_says_what_it_is_about_how_long_it_takes_and_some_offer_a_sample() -> None:
    owned = [(name, task) for _, name, task in process().tasks() if task.owner.startswith(("body.", "participant."))]
    assert [name for name, task in owned if task.help is None or task.effort is None] == []
    samples = {name for language, name in check(FOLDER).insist().samples if language == "de"}
    kinds = {**shared().prerequisites, **{name: kind.as_prerequisite() for name, kind in shared().recurring.items()}}
    of_kinds = {step.sample for kind in kinds.values() for step in kind.road().values()} - {None}
    assert of_kinds == {"mailbox_request", "mandate_application", "contacts"}
    assert ({task.sample for _, task in owned} - {None}) | of_kinds == samples
    assert len(samples) >= 6
