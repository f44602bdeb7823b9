"""The minimal folder, broken in one place at a time: what was changed, and which faults that makes at which place."""

from __future__ import annotations

from dataclasses import dataclass

from tests.definitions.folder import PROCESS, SERVICE


@dataclass(frozen=True, slots=True)
class Broken:
    """One way to break a file: replacements (old, new), and the faults they make as `file:line:column key`."""

    what: str
    file: str
    edits: tuple[tuple[str, str], ...]
    faults: tuple[str, ...]


_STEPS = """\
    ladder: short
    steps:
      apply: {title: {de: A, en: A}, owner: body.kasse, due: 30 working days, ladder: short}
"""
_TWICE = """\
    ladder: short
    steps:
      apply: {title: {de: A, en: A}, owner: body.it, due: 5 working days, ladder: short,
        evidence: {number: {type: text, title: {de: A, en: A}}}}
      enter: {title: {de: A, en: A}, owner: body.it, due: 5 working days, ladder: short,
        evidence: {number: {type: text, title: {de: A, en: A}}}}
"""

BROKEN: tuple[Broken, ...] = (
    Broken(
        "an unclosed quote",
        PROCESS,
        (("title: {de: Anbindung, en", 'title: {de: "Anbindung, en'),),
        ("processes/onboarding/v1.yaml:3:13 fault.yaml_quote",),
    ),
    Broken(
        "two colons on a line",
        PROCESS,
        (("owner: umsetzungsteam\n        due: 5", "owner: a: b\n        due: 5"),),
        ("processes/onboarding/v1.yaml:11:17 fault.yaml_colon",),
    ),
    Broken(
        "a tab as indentation",
        PROCESS,
        (("        due: 5 working days", "\tdue: 5 working days"),),
        ("processes/onboarding/v1.yaml:12:1 fault.yaml_tab",),
    ),
    Broken(
        "a line that is not indented like its neighbours",
        PROCESS,
        (("        due: 5 working days", "         due: 5 working days"),),
        ("processes/onboarding/v1.yaml:12:13 fault.yaml_colon",),
    ),
    Broken(
        "a list that is never closed",
        PROCESS,
        (("from: [connected]\n    to: live", "from: [connected\n    to: live"),),
        ("processes/onboarding/v1.yaml:67:7 fault.yaml_bracket",),
    ),
    Broken(
        "an alias",
        PROCESS,
        (("        after: [ask]", "        after: &a [ask]"),),
        ("processes/onboarding/v1.yaml:25:16 fault.alias",),
    ),
    Broken(
        "a tag that names an object",
        PROCESS,
        (("owner: body.leitung", 'owner: !!python/object/apply:os.system ["true"]'),),
        ("processes/onboarding/v1.yaml:33:16 fault.tag",),
    ),
    Broken(
        "a YAML 1.1 directive",
        PROCESS,
        (("process: onboarding\n", "%YAML 1.1\n---\nprocess: onboarding\n"),),
        ("processes/onboarding/v1.yaml:2:1 fault.directive",),
    ),
    Broken(
        "a second document",
        SERVICE,
        (("payment: required\n", "payment: required\n---\n"),),
        ("services/dogs.yaml:12:1 fault.second_document",),
    ),
    Broken(
        "a duplicate key",
        PROCESS,
        (
            (
                "        ladder: short\n        evidence:\n          result:",
                "        ladder: short\n        ladder: short\n        evidence:\n          result:",
            ),
        ),
        ("processes/onboarding/v1.yaml:14:9 fault.duplicate_key",),
    ),
    Broken(
        "a key that is no text",
        SERVICE,
        (("focus: assumed", "null: assumed\nfocus: assumed"),),
        ("services/dogs.yaml:5:1 fault.key_not_text",),
    ),
    Broken(
        "a number without end",
        PROCESS,
        (("least: 1, most: 9", "least: 1, most: .inf"),),
        ("processes/onboarding/v1.yaml:30:81 fault.number_out_of_bounds",),
    ),
    Broken(
        "a day that does not exist",
        "programme.yaml",
        (("stichtag: 2027-02-16", "stichtag: 2027-02-30"),),
        ("programme.yaml:42:52 fault.no_such_date",),
    ),
    Broken(
        "an escaped control character",
        PROCESS,
        (("title: {de: Fragen, en", 'title: {de: "Fra\\0gen", en'),),
        ("processes/onboarding/v1.yaml:10:21 fault.escaped_character",),
    ),
    Broken(
        "a missing field",
        PROCESS,
        (("        title: {de: Fragen, en: Ask}\n", ""),),
        ("processes/onboarding/v1.yaml:9:7 fault.missing",),
    ),
    Broken(
        "a missing field at the top", SERVICE, (("source: Satzung\n", ""),), ("services/dogs.yaml:1:1 fault.missing",)
    ),
    Broken(
        "a misspelt field",
        PROCESS,
        (("        owner: body.fachamt", "        owner: body.fachamt\n        only_fi: {}"),),
        ("processes/onboarding/v1.yaml:48:9 fault.unknown_field",),
    ),
    Broken(
        "a field nobody knows",
        PROCESS,
        (("    goal: true", "    goal: true\n    xyzzy: 1"),),
        ("processes/onboarding/v1.yaml:54:5 fault.unknown_field_of",),
    ),
    Broken(
        "a number instead of text",
        "groups.yaml",
        (('add: ["073310101000"]', "add: [073310101000]"),),
        ("groups.yaml:5:11 fault.not_text",),
    ),
    Broken(
        "text instead of a flag",
        PROCESS,
        (("goal: true", "goal: perhaps"),),
        ("processes/onboarding/v1.yaml:53:11 fault.not_flag",),
    ),
    Broken(
        "text instead of a list",
        PROCESS,
        (("after: [ask]", "after: ask"),),
        ("processes/onboarding/v1.yaml:25:16 fault.not_list",),
    ),
    Broken(
        "text instead of a mapping",
        PROCESS,
        (("title: {de: Fragen, en: Ask}", "title: Fragen"),),
        ("processes/onboarding/v1.yaml:10:16 fault.not_mapping",),
    ),
    Broken(
        "a value that is left out",
        PROCESS,
        (("title: {de: Fragen, en: Ask}", "title:"),),
        ("processes/onboarding/v1.yaml:11:9 fault.nothing",),
    ),
    Broken(
        "an unknown type of field",
        PROCESS,
        (("type: choice", "type: chioce"),),
        ("processes/onboarding/v1.yaml:16:19 fault.not_one_of",),
    ),
    Broken(
        "an empty title", PROCESS, (("de: Fragen", "de: ''"),), ("processes/onboarding/v1.yaml:10:21 fault.empty_text",)
    ),
    Broken(
        "a duration nobody understands",
        PROCESS,
        (("due: 5 working days", "due: five days"),),
        ("processes/onboarding/v1.yaml:12:14 fault.duration",),
    ),
    Broken(
        "a due date of no known form",
        PROCESS,
        (("due: {stichtag: 20 working days}", "due: {wave: 20 working days}"),),
        ("processes/onboarding/v1.yaml:49:14 fault.due",),
    ),
    Broken(
        "a requirement of no known form",
        PROCESS,
        (("requires: [tasks_done, {milestone: contract}]", "requires: [tasks_done, {mile: contract}]"),),
        ("processes/onboarding/v1.yaml:63:28 fault.requirement",),
    ),
    Broken(
        "a name with a hyphen",
        PROCESS,
        (("      test:\n", "      te-st:\n"),),
        ("processes/onboarding/v1.yaml:45:7 fault.name",),
    ),
    Broken(
        "a transition with a dot in its name",
        PROCESS,
        (("  launch:", "  os.getpid:"),),
        ("processes/onboarding/v1.yaml:64:3 fault.name",),
    ),
    Broken(
        "a key that is no official key",
        SERVICE,
        (('leika: "99102013104000"', 'leika: "991"'),),
        ("services/dogs.yaml:4:15 fault.not_leika_key",),
    ),
    Broken(
        "a time that is no time", "programme.yaml", (('"07:00"', '"25:00"'),), ("programme.yaml:9:17 fault.not_time",)
    ),
    Broken(
        "a quiet hour that is no time",
        "programme.yaml",
        (("ladders:\n", 'mail: {quiet: {from: "24:30"}}\nladders:\n'),),
        ("programme.yaml:29:22 fault.not_time",),
    ),
    Broken(
        "a digest that comes when all is quiet",
        "programme.yaml",
        (("ladders:\n", 'mail: {digest_times: ["06:59", "07:00"]}\nladders:\n'),),
        ("programme.yaml:29:23 fault.digest_in_quiet",),
    ),
    Broken(
        "reminders at an hour that is quiet",
        "programme.yaml",
        (("ladders:\n", 'mail: {quiet: {from: "06:00", until: "08:00"}}\nladders:\n'),),
        ("programme.yaml:9:17 fault.digest_in_quiet",),
    ),
    Broken(
        "a day that is quiet from morning to morning",
        "programme.yaml",
        (("ladders:\n", 'mail: {quiet: {from: "07:00"}}\nladders:\n'),),
        ("programme.yaml:29:15 fault.quiet_all_day",),
    ),
    Broken(
        "fewer than no mails a day",
        "programme.yaml",
        (("ladders:\n", "mail: {at_most_per_day: 0}\nladders:\n"),),
        ("programme.yaml:29:25 fault.too_small",),
    ),
    Broken(
        "a day of the year that is none",
        "programme.yaml",
        (('["12-24"]', '["24-12"]'),),
        ("programme.yaml:10:16 fault.not_month_day",),
    ),
    Broken(
        "a ladder without rungs",
        "programme.yaml",
        (("ladders:\n", "ladders:\n  empty: {title: {de: Leer, en: Empty}, rungs: []}\n"),),
        ("programme.yaml:30:48 fault.too_few",),
    ),
    Broken(
        "a date that is text",
        SERVICE,
        (("due: 2026-12-01", "due: soon"),),
        ("services/dogs.yaml:21:19 fault.not_date",),
    ),
    Broken(
        "a process in another folder's name",
        PROCESS,
        (("process: onboarding", "process: offboarding"),),
        ("processes/onboarding/v1.yaml:1:10 fault.process_name",),
    ),
    Broken(
        "a version unlike its file",
        PROCESS,
        (("version: 1", "version: 2"),),
        ("processes/onboarding/v1.yaml:2:10 fault.process_version",),
    ),
    Broken(
        "an unknown initial state",
        PROCESS,
        (("initial: requested", "initial: reqested"),),
        ("processes/onboarding/v1.yaml:4:10 fault.unknown_state",),
    ),
    Broken(
        "an initial state that is an end",
        PROCESS,
        (("initial: requested", "initial: declined"),),
        ("processes/onboarding/v1.yaml:4:10 fault.initial_is_end",),
    ),
    Broken(
        "an unknown state",
        PROCESS,
        (("    to: live", "    to: lvie"),),
        ("processes/onboarding/v1.yaml:67:9 fault.unknown_state",),
    ),
    Broken(
        "a state no way leads to",
        PROCESS,
        (("  declined:\n    title", "  lost:\n    title: {de: Weg, en: Lost}\n    end: true\n  declined:\n    title"),),
        ("processes/onboarding/v1.yaml:54:3 fault.unreachable_state",),
    ),
    Broken(
        "a dead end",
        PROCESS,
        (
            ("  declined:\n    title", "  stuck:\n    title: {de: Fest, en: Stuck}\n  declined:\n    title"),
            (
                "  decline:\n",
                "  stick: {title: {de: A, en: A}, from: [requested], to: stuck, by: [umsetzungsteam]}\n  decline:\n",
            ),
        ),
        ("processes/onboarding/v1.yaml:54:3 fault.dead_end",),
    ),
    Broken(
        "no goal",
        PROCESS,
        (("    goal: true\n", ""),),
        (
            "processes/onboarding/v1.yaml:5:1 fault.no_goal",
            "processes/onboarding/v1.yaml:51:3 fault.dead_end",
        ),
    ),
    Broken(
        "an end with tasks",
        PROCESS,
        (
            ("    end: true", "    end: true\n    tasks: {mourn: TASK}"),
            ("TASK", "{title: {de: A, en: A}, owner: body.it, due: 1 working day, ladder: short}"),
        ),
        ("processes/onboarding/v1.yaml:57:5 fault.end_with_tasks",),
    ),
    Broken(
        "an end with a way out",
        PROCESS,
        (("from: [connected]\n    to: live", "from: [connected, declined]\n    to: live"),),
        ("processes/onboarding/v1.yaml:66:23 fault.end_with_transition",),
    ),
    Broken(
        "a state only the system leads out of",
        PROCESS,
        (
            ("    to: live\n    by: [umsetzungsteam]", "    to: live\n    by: [system]"),
            ("from: [connected]\n    to: requested", "from: [requested]\n    to: requested"),
            ("from: [requested, connected]", "from: [requested]"),
        ),
        ("processes/onboarding/v1.yaml:42:3 fault.only_system",),
    ),
    Broken(
        "a line that stands too far left",
        PROCESS,
        (("        due: 5 working days", "       due: 5 working days"),),
        ("processes/onboarding/v1.yaml:12:8 fault.yaml_indentation",),
    ),
    Broken(
        "a task name used twice",
        PROCESS,
        (("      test:\n", "      ask:\n"),),
        ("processes/onboarding/v1.yaml:45:7 fault.duplicate_task",),
    ),
    Broken(
        "a task called like a root of conditions",
        PROCESS,
        (("      test:\n", "      case:\n"),),
        ("processes/onboarding/v1.yaml:45:7 fault.task_name_taken",),
    ),
    Broken(
        "a task nobody can own",
        PROCESS,
        (("owner: body.fachamt", "owner: fachamt"),),
        ("processes/onboarding/v1.yaml:47:16 fault.owner",),
    ),
    Broken(
        "a task of the programme office",
        PROCESS,
        (("owner: body.fachamt", "owner: programme_office"),),
        ("processes/onboarding/v1.yaml:47:16 fault.owner_programme_office",),
    ),
    Broken(
        "a second person who cannot confirm",
        PROCESS,
        (("confirm: umsetzungsteam", "confirm: auditor"),),
        ("processes/onboarding/v1.yaml:34:18 fault.confirm",),
    ),
    Broken(
        "an unknown role to inform",
        PROCESS,
        (("informs: [body.dsb]", "informs: [body.dbs]"),),
        ("processes/onboarding/v1.yaml:35:19 fault.unknown_role",),
    ),
    Broken(
        "an unknown ladder",
        PROCESS,
        (
            (
                "due: {stichtag: 20 working days}\n        ladder: short",
                "due: {stichtag: 20 working days}\n        ladder: shrot",
            ),
        ),
        ("processes/onboarding/v1.yaml:50:17 fault.unknown_ladder",),
    ),
    Broken(
        "waiting for an unknown task",
        PROCESS,
        (("after: [ask]", "after: [aks]"),),
        ("processes/onboarding/v1.yaml:25:17 fault.unknown_task",),
    ),
    Broken(
        "waiting for a task of another state",
        PROCESS,
        (("        owner: body.fachamt", "        owner: body.fachamt\n        after: [ask]"),),
        ("processes/onboarding/v1.yaml:48:17 fault.after_elsewhere",),
    ),
    Broken(
        "waiting for itself",
        PROCESS,
        (("after: [ask]", "after: [ask, choose]"),),
        ("processes/onboarding/v1.yaml:25:22 fault.after_itself",),
    ),
    Broken(
        "tasks waiting in a circle",
        PROCESS,
        (("        due: 5 working days", "        due: 5 working days\n        after: [sign]"),),
        ("processes/onboarding/v1.yaml:13:17 fault.after_circle",),
    ),
    Broken(
        "a condition on an unknown task",
        PROCESS,
        (("only_if: {ask.result: [good]}", "only_if: {asq.result: [good]}"),),
        ("processes/onboarding/v1.yaml:37:19 fault.condition_root",),
    ),
    Broken(
        "a condition on an unknown field",
        PROCESS,
        (("only_if: {ask.result: [good]}", "only_if: {ask.reslut: [good]}"),),
        ("processes/onboarding/v1.yaml:37:19 fault.unknown_evidence",),
    ),
    Broken(
        "a condition on what every participant answers",
        PROCESS,
        (
            (
                "owner: umsetzungsteam\n        due: 5 working days",
                "owner: participant.digi\n        due: 5 working days",
            ),
        ),
        (
            "processes/onboarding/v1.yaml:37:19 fault.participant_asked",
            "processes/onboarding/v1.yaml:38:25 fault.participant_asked",
            "processes/onboarding/v1.yaml:48:44 fault.participant_asked",
        ),
    ),
    Broken(
        "a participant that would decide about the case",
        PROCESS,
        (("owner: umsetzungsteam\n        after: [ask]", "owner: participant.it\n        after: [ask]"),),
        ("processes/onboarding/v1.yaml:29:11 fault.participant_sets",),
    ),
    Broken(
        "a condition on an unknown attribute",
        PROCESS,
        (("variant.maturity: [e2e]", "variant.maturty: [e2e]"),),
        ("processes/onboarding/v1.yaml:48:19 fault.condition_attribute",),
    ),
    Broken(
        "a condition without a dot",
        PROCESS,
        (("only_if: {ask.result: [good]}", "only_if: {result: [good]}"),),
        ("processes/onboarding/v1.yaml:37:19 fault.condition_form",),
    ),
    Broken(
        "a condition on an answer nobody can give",
        PROCESS,
        (("only_if: {ask.result: [good]}", "only_if: {ask.result: [good, bda]}"),),
        ("processes/onboarding/v1.yaml:37:38 fault.condition_impossible",),
    ),
    Broken(
        "a condition on a maturity that does not exist",
        PROCESS,
        (("variant.maturity: [e2e]", "variant.maturity: [e3e]"),),
        ("processes/onboarding/v1.yaml:48:38 fault.condition_impossible",),
    ),
    Broken(
        "a condition on a field of the wrong type",
        PROCESS,
        (("only_if: {ask.result: [good]}", "only_if: {ask.promised_on: [good]}"),),
        ("processes/onboarding/v1.yaml:37:36 fault.condition_type",),
    ),
    Broken(
        "a condition without values",
        PROCESS,
        (("only_if: {ask.result: [good]}", "only_if: {ask.result: []}"),),
        ("processes/onboarding/v1.yaml:37:19 fault.condition_empty",),
    ),
    Broken(
        "a condition on its own answer",
        PROCESS,
        (("only_if: {ask.result: [good]}", "only_if: {sign.paper: [good]}"),),
        ("processes/onboarding/v1.yaml:37:19 fault.condition_itself",),
    ),
    Broken(
        "a condition on a task that comes later",
        PROCESS,
        (("        due: 5 working days", "        due: 5 working days\n        only_if: {choose.variant: [portal]}"),),
        ("processes/onboarding/v1.yaml:13:19 fault.condition_order",),
    ),
    Broken(
        "a condition on a state that may be missed",
        PROCESS,
        (("initial: requested", "initial: connected"),),
        ("processes/onboarding/v1.yaml:48:44 fault.condition_state",),
    ),
    Broken(
        "a statutory period nobody understands",
        PROCESS,
        (
            (
                "ladder: short\n        evidence:\n          result:",
                "ladder: short\n        statutory: {within: 1 moon, since: opened, basis: {de: x, en: x}}\n"
                "        evidence:\n          result:",
            ),
        ),
        ("processes/onboarding/v1.yaml:14:29 fault.period",),
    ),
    Broken(
        "a statutory period without a beginning",
        PROCESS,
        (
            (
                "ladder: short\n        evidence:\n          result:",
                "ladder: short\n        statutory: {within: 1 month, since: someday, basis: {de: x, en: x}}\n"
                "        evidence:\n          result:",
            ),
        ),
        ("processes/onboarding/v1.yaml:14:45 fault.since_form",),
    ),
    Broken(
        "a statutory period that begins with its own end",
        PROCESS,
        (
            (
                "ladder: short\n        evidence:\n          result:",
                "ladder: short\n        statutory: {within: 1 month, since: ask.promised_on, basis: {de: x, en: x}}\n"
                "        evidence:\n          result:",
            ),
        ),
        ("processes/onboarding/v1.yaml:14:45 fault.since_itself",),
    ),
    Broken(
        "a promised date of the wrong form",
        PROCESS,
        (("promised: ask.promised_on", "promised: promised_on"),),
        ("processes/onboarding/v1.yaml:38:25 fault.promised_form",),
    ),
    Broken(
        "a promised date that is no date",
        PROCESS,
        (("promised: ask.promised_on", "promised: ask.result"),),
        ("processes/onboarding/v1.yaml:38:25 fault.promised_type",),
    ),
    Broken(
        "a milestone in a due date that does not exist",
        PROCESS,
        (("due: {stichtag: 20 working days}", "due: {milestone: contarct, otherwise: 5 working days}"),),
        ("processes/onboarding/v1.yaml:49:26 fault.unknown_milestone",),
    ),
    Broken(
        "a choice without options",
        PROCESS,
        (
            (
                "          promised_on:",
                "          more: {type: choice, title: {de: Mehr, en: More}}\n          promised_on:",
            ),
        ),
        ("processes/onboarding/v1.yaml:21:24 fault.choice_without_options",),
    ),
    Broken(
        "options without a choice",
        PROCESS,
        (("type: choice", "type: text"),),
        ("processes/onboarding/v1.yaml:18:13 fault.options_without_choice",),
    ),
    Broken(
        "an unknown kind of document",
        PROCESS,
        (("accept: [pdf]", "accept: [pfd]"),),
        ("processes/onboarding/v1.yaml:41:76 fault.unknown_document_kind",),
    ),
    Broken(
        "accept without a document",
        PROCESS,
        (("type: document", "type: text"),),
        ("processes/onboarding/v1.yaml:41:63 fault.accept_without_document",),
    ),
    Broken(
        "a register nobody named, and one that is not asked",
        PROCESS,
        (
            (
                "type: number, title: {de: Zahl, en: Number}, least: 1, most: 9",
                "type: register, title: {de: Zahl, en: Number}",
            ),
            ("type: document", "type: document, register: vendors"),
        ),
        (
            "processes/onboarding/v1.yaml:30:26 fault.register_missing",
            "processes/onboarding/v1.yaml:41:35 fault.register_outside",
        ),
    ),
    Broken(
        "an answer of another state, of no task, of no field, and one nobody can give",
        PROCESS,
        (
            (
                "requires: [tasks_done, prerequisites_done]",
                "requires: [{answer: {ask.result: [x]}}, {answer: {nobody.x: [y]}}, {answer: {ask: [z]}}]",
            ),
            (
                "requires: [tasks_done, {milestone: contract}]",
                "requires: [{answer: {ask.result: [nothing], ask.no: [a]}}]",
            ),
        ),
        (
            "processes/onboarding/v1.yaml:63:39 fault.condition_impossible",
            "processes/onboarding/v1.yaml:63:49 fault.unknown_evidence",
            "processes/onboarding/v1.yaml:69:26 fault.answer_elsewhere",
            "processes/onboarding/v1.yaml:69:55 fault.unknown_task",
            "processes/onboarding/v1.yaml:69:82 fault.condition_form",
        ),
    ),
    Broken(
        "a file that is to be offered again",
        PROCESS,
        (("type: document", "type: document, reuse: paper"),),
        ("processes/onboarding/v1.yaml:41:42 fault.reuse_type",),
    ),
    Broken(
        "bounds without a number",
        PROCESS,
        (
            (
                "type: number, title: {de: Zahl, en: Number}, least: 1, most: 9",
                "type: text, title: {de: Zahl, en: Number}, most: 9",
            ),
        ),
        ("processes/onboarding/v1.yaml:30:63 fault.bounds_without_number",),
    ),
    Broken(
        "bounds that cross",
        PROCESS,
        (("least: 1, most: 9", "least: 10, most: 9"),),
        ("processes/onboarding/v1.yaml:30:82 fault.bounds_crossed",),
    ),
    Broken(
        "a field that sets what it cannot",
        PROCESS,
        (("paper: {type: document", "paper: {sets: stichtag, type: document"),),
        ("processes/onboarding/v1.yaml:41:25 fault.sets_type",),
    ),
    Broken(
        "a transition named like the machine's own",
        PROCESS,
        (("  launch:", "  trigger:"),),
        ("processes/onboarding/v1.yaml:64:3 fault.transition_name_taken",),
    ),
    Broken(
        "an unknown requirement",
        PROCESS,
        (("[tasks_done, prerequisites_done]", "[task_done, prerequisites_done]"),),
        ("processes/onboarding/v1.yaml:69:16 fault.unknown_requirement",),
    ),
    Broken(
        "an unknown milestone",
        PROCESS,
        (("{milestone: contract}", "{milestone: contarct}"),),
        ("processes/onboarding/v1.yaml:63:40 fault.unknown_milestone",),
    ),
    Broken(
        "somebody unknown who takes a transition",
        PROCESS,
        (("by: [umsetzungsteam, body.leitung]", "by: [umsetzungsteam, body.leiter]"),),
        ("processes/onboarding/v1.yaml:84:26 fault.unknown_actor",),
    ),
    Broken(
        "somebody unknown to notify",
        PROCESS,
        (("notify: [body.digi]", "notify: [owner]"),),
        ("processes/onboarding/v1.yaml:70:14 fault.unknown_role",),
    ),
    Broken(
        "reopening a task of another state",
        PROCESS,
        (("reopens: [choose]", "reopens: [test]"),),
        ("processes/onboarding/v1.yaml:76:15 fault.reopens_elsewhere",),
    ),
    Broken(
        "reopening an unknown task",
        PROCESS,
        (("reopens: [choose]", "reopens: [chose]"),),
        ("processes/onboarding/v1.yaml:76:15 fault.unknown_task",),
    ),
    Broken(
        "an unknown process",
        "programme.yaml",
        (("process: onboarding", "process: onbording"),),
        ("programme.yaml:4:10 fault.unknown_process",),
    ),
    Broken(
        "an unknown Land", "programme.yaml", (("land: RP", "land: XX"),), ("programme.yaml:7:9 fault.unknown_land",)
    ),
    Broken(
        "targets out of order",
        "programme.yaml",
        (("{date: 2026-12-31", "{date: 2021-12-31"),),
        ("programme.yaml:13:5 fault.target_order",),
    ),
    Broken(
        "a role without a title",
        "programme.yaml",
        (("  auditor: {title: {de: Revision, en: Auditor}}\n", ""),),
        ("programme.yaml:14:1 fault.roles_missing",),
    ),
    Broken(
        "a role that does not exist",
        "programme.yaml",
        (
            (
                "  admin: {title: {de: Administration, en: Administration}}\n",
                "  admin: {title: {de: Administration, en: Administration}}\n  admni: {title: {de: A, en: A}}\n",
            ),
        ),
        ("programme.yaml:29:3 fault.unknown_role",),
    ),
    Broken(
        "a rung that reaches nobody",
        "programme.yaml",
        (("to: [body.digi]", "to: []"),),
        ("programme.yaml:35:38 fault.rung_nobody",),
    ),
    Broken(
        "a rung with an unknown recipient",
        "programme.yaml",
        (("to: [body.digi]", "to: [digi]"),),
        ("programme.yaml:35:39 fault.unknown_recipient",),
    ),
    Broken(
        "a rung without a time",
        "programme.yaml",
        (("id: waiting, every: 10,", "id: waiting,"),),
        ("programme.yaml:35:9 fault.rung_no_time",),
    ),
    Broken(
        "a rung that repeats and is earlier than the one before",
        "programme.yaml",
        (("id: waiting, every: 10,", "id: waiting, every: 10, at: -4,"),),
        ("programme.yaml:35:38 fault.rung_order",),
    ),
    Broken(
        "a rung that says how often but not at what distance",
        "programme.yaml",
        (("id: due, at: 0,", "id: due, at: 0, times: 3,"),),
        ("programme.yaml:34:33 fault.rung_times_alone",),
    ),
    Broken(
        "a rung that repeats no time",
        "programme.yaml",
        (("id: waiting, every: 10,", "id: waiting, every: 10, times: 0,"),),
        ("programme.yaml:35:41 fault.too_small",),
    ),
    Broken(
        "a rung that asks for something nobody knows",
        "programme.yaml",
        (("id: waiting, every: 10,", "id: waiting, every: 10, asks: money,"),),
        ("programme.yaml:35:40 fault.not_one_of",),
    ),
    Broken(
        "a ladder that asks for a promise of a date that is fixed",
        "programme.yaml",
        (("id: due, at: 0,", "id: due, at: 0, asks: promise,"),),
        ("prerequisites.yaml:11:20 fault.ladder_promise", "prerequisites.yaml:21:13 fault.ladder_promise"),
    ),
    Broken(
        "rungs with one id",
        "programme.yaml",
        (("id: due,", "id: before,"),),
        ("programme.yaml:34:14 fault.rung_twice",),
    ),
    Broken(
        "rungs that do not increase",
        "programme.yaml",
        (("at: 0,", "at: -3,"),),
        ("programme.yaml:34:23 fault.rung_order",),
    ),
    Broken(
        "an undefined message",
        "programme.yaml",
        (("to: [body.digi], message: reminder", "to: [body.digi], message: remainder"),),
        ("programme.yaml:35:60 fault.unknown_message",),
    ),
    Broken(
        "a team in an unknown district",
        "programme.yaml",
        (('districts: ["071110000000"]', 'districts: ["071110000000", "071110000001"]'),),
        ("programme.yaml:37:52 fault.unknown_body",),
    ),
    Broken(
        "a team in a municipality that is no district",
        "programme.yaml",
        (('districts: ["071110000000"]', 'districts: ["071110000000", "073310101000"]'),),
        ("programme.yaml:37:52 fault.not_a_district",),
    ),
    Broken(
        "a district with two teams",
        "programme.yaml",
        (('districts: ["073310000000"]', 'districts: ["073310000000", "071110000000"]'),),
        ("programme.yaml:38:51 fault.district_twice",),
    ),
    Broken(
        "a district without a team",
        "programme.yaml",
        (('districts: ["071110000000"]', "districts: []"),),
        ("programme.yaml:36:1 fault.district_alone",),
    ),
    Broken(
        "a team for an unknown service",
        "programme.yaml",
        (("services: [dogs]}\noperators", "services: [dogs, cats]}\noperators"),),
        ("programme.yaml:38:69 fault.unknown_service",),
    ),
    Broken(
        "a wave of an unknown service",
        "programme.yaml",
        (("stichtag: 2027-02-16, services: [dogs]", "stichtag: 2027-02-16, services: [dgos]"),),
        ("programme.yaml:42:75 fault.unknown_service",),
    ),
    Broken(
        "a contact whose addresses lead nowhere",
        "programme.yaml",
        (
            (
                "centre: {title: Rechenzentrum}",
                "centre: {title: Rechenzentrum, contact: {mail: hilfe at rz.example, "
                "phone: (0800) 1, link: 'javascript:x'}}",
            ),
        ),
        (
            "programme.yaml:40:50 fault.not_mail_address",
            "programme.yaml:40:78 fault.not_phone_number",
            "programme.yaml:40:94 fault.not_web_address",
        ),
    ),
    Broken(
        "a priority named twice",
        "programme.yaml",
        (("priorities: [dogs]", "priorities: [dogs, dogs]"),),
        ("programme.yaml:43:20 fault.priority_twice",),
    ),
    Broken(
        "a service unlike its file",
        SERVICE,
        (("service: dogs", "service: cats"),),
        ("services/dogs.yaml:1:10 fault.service_name",),
    ),
    Broken(
        "an unknown group",
        SERVICE,
        (("applies_to: towns", "applies_to: twons"),),
        ("services/dogs.yaml:6:13 fault.unknown_group",),
    ),
    Broken(
        "an unknown operator",
        SERVICE,
        (("operator: centre", "operator: center"),),
        ("services/dogs.yaml:10:11 fault.unknown_operator",),
    ),
    Broken(
        "an unknown team",
        SERVICE,
        (("payment: required", "payment: required\nteam: nroth"),),
        ("services/dogs.yaml:12:7 fault.unknown_team",),
    ),
    Broken(
        "a service with two teams",
        SERVICE,
        (("payment: required", "payment: required\nteam: north"),),
        ("services/dogs.yaml:12:7 fault.service_team_twice",),
    ),
    Broken(
        "an unknown prerequisite",
        SERVICE,
        (("{kind: mandate}", "{kind: mandat}"),),
        ("services/dogs.yaml:18:16 fault.unknown_prerequisite",),
    ),
    Broken(
        "a prerequisite without its scope",
        SERVICE,
        (("{kind: mailbox, scope: dogs}", "{kind: mailbox}"),),
        ("services/dogs.yaml:19:16 fault.scope_missing",),
    ),
    Broken(
        "a prerequisite with a scope it does not have",
        SERVICE,
        (("{kind: mandate}", "{kind: mandate, scope: dogs}"),),
        ("services/dogs.yaml:18:32 fault.scope_unexpected",),
    ),
    Broken(
        "a service without a variant",
        SERVICE,
        (
            ("variants:\n  portal:\n    title: {de: Portal, en: Portal}\n    maturity: e2e\n", ""),
            ("    specialist_software: true\n    prerequisites:\n", ""),
            ("      - {kind: mandate}\n      - {kind: mailbox, scope: dogs}\n", ""),
        ),
        ("services/dogs.yaml:6:13 fault.no_variants",),
    ),
    Broken(
        "a milestone of the service that does not exist",
        SERVICE,
        (("contract: {due", "contarct: {due"),),
        ("services/dogs.yaml:21:3 fault.unknown_milestone",),
    ),
    Broken(
        "an unknown participant",
        SERVICE,
        (("group: towns, role", "group: twons, role"),),
        ("services/dogs.yaml:23:13 fault.unknown_group",),
    ),
    Broken(
        "a group of an unknown kind",
        "groups.yaml",
        (("[kreisfreie_stadt, landkreis]", "[kreisfreie_stadt, landkreis, stadtstaat]"),),
        ("groups.yaml:4:42 fault.unknown_kind",),
    ),
    Broken(
        "a group with an unknown body",
        "groups.yaml",
        (('add: ["073310101000"]', 'add: ["073310101001"]'),),
        ("groups.yaml:5:11 fault.unknown_body",),
    ),
    Broken(
        "a group that removes what it does not hold",
        "groups.yaml",
        (("kinds: [kreisfreie_stadt, landkreis]", "kinds: [kreisfreie_stadt]"),),
        ("groups.yaml:6:14 fault.group_remove",),
    ),
    Broken(
        "a group that adds and removes",
        "groups.yaml",
        (('remove: ["073310000000"]', 'remove: ["073310000000", "073310101000"]'),),
        ("groups.yaml:6:30 fault.group_contradiction",),
    ),
    Broken(
        "a group of nobody",
        "groups.yaml",
        (("groups:\n", "groups:\n  none: {title: {de: A, en: A}, source: A, confidence: assumed}\n"),),
        ("groups.yaml:2:3 fault.group_empty",),
    ),
    Broken(
        "a prerequisite nobody can own",
        "prerequisites.yaml",
        (("owner: body.kasse", "owner: kasse"),),
        ("prerequisites.yaml:4:12 fault.owner",),
    ),
    Broken(
        "an expiry that is not asked for",
        "prerequisites.yaml",
        (("valid_until: expires_on", "valid_until: expires"),),
        ("prerequisites.yaml:10:18 fault.unknown_field_name",),
    ),
    Broken(
        "an expiry that is no date",
        "prerequisites.yaml",
        (("valid_until: expires_on", "valid_until: number"),),
        ("prerequisites.yaml:10:18 fault.valid_until_type",),
    ),
    Broken(
        "an expiry ladder without an expiry",
        "prerequisites.yaml",
        (("    valid_until: expires_on\n", ""),),
        ("prerequisites.yaml:10:20 fault.expiry_without_date",),
    ),
    Broken(
        "a prerequisite that needs itself",
        "prerequisites.yaml",
        (("    ladder: short\n    evidence:", "    ladder: short\n    needs: [mandate]\n    evidence:"),),
        ("prerequisites.yaml:7:13 fault.needs_itself",),
    ),
    Broken(
        "a prerequisite that needs what does not exist",
        "prerequisites.yaml",
        (("    ladder: short\n    evidence:", "    ladder: short\n    needs: [mandat]\n    evidence:"),),
        ("prerequisites.yaml:7:13 fault.unknown_prerequisite",),
    ),
    Broken(
        "a prerequisite that needs one of several",
        "prerequisites.yaml",
        (("    ladder: short\n    evidence:", "    ladder: short\n    needs: [mailbox]\n    evidence:"),),
        ("prerequisites.yaml:7:13 fault.needs_scope",),
    ),
    Broken(
        "prerequisites that need each other in a circle",
        "prerequisites.yaml",
        (
            (
                "    ladder: short\n    evidence:",
                "    ladder: short\n    scoped_by: {de: A, en: A}\n    needs: [mailbox]\n    evidence:",
            ),
            ("    scoped_by: {de: Leistung, en: Service}\n", "    scoped_by: {de: A, en: A}\n    needs: [mandate]\n"),
        ),
        ("prerequisites.yaml:8:13 fault.needs_circle", "services/dogs.yaml:18:16 fault.scope_missing"),
    ),
    Broken(
        "steps beside evidence of the whole",
        "prerequisites.yaml",
        (("    ladder: short\n    evidence:", f"{_STEPS}    evidence:"),),
        ("prerequisites.yaml:9:5 fault.steps_and_evidence",),
    ),
    Broken(
        "steps that take longer than the whole",
        "prerequisites.yaml",
        (("    ladder: short\n    scoped_by", f"{_STEPS}    scoped_by"),),
        ("prerequisites.yaml:15:10 fault.steps_due",),
    ),
    Broken(
        "two steps that ask for the same",
        "prerequisites.yaml",
        (("    ladder: short\n    scoped_by", f"{_TWICE}    scoped_by"),),
        ("prerequisites.yaml:21:20 fault.steps_ask_twice",),
    ),
    Broken(
        "a step nobody can own",
        "prerequisites.yaml",
        (("    ladder: short\n    evidence:", _STEPS.replace("body.kasse", "kasse") + "    evidence:"),),
        ("prerequisites.yaml:8:45 fault.owner", "prerequisites.yaml:9:5 fault.steps_and_evidence"),
    ),
    Broken(
        "a prerequisite that sets a case",
        "prerequisites.yaml",
        (("expires_on: {type: date,", "expires_on: {type: date, sets: stichtag,"),),
        ("prerequisites.yaml:9:38 fault.sets_outside",),
    ),
    Broken(
        "a prerequisite that chooses a wave",
        "prerequisites.yaml",
        (("number: {type: text", "number: {type: wave"),),
        ("prerequisites.yaml:8:22 fault.case_type",),
    ),
    Broken(
        "what recurs in no known rhythm, owned by nobody and under a name that is taken",
        "prerequisites.yaml",
        (
            (
                "milestones:\n",
                "recurring:\n"
                "  mandate:\n"
                "    title: {de: A, en: A}\n"
                "    owner: kasse\n"
                "    every: 12 moons\n"
                "    due: 5 working days\n"
                "    ladder: shrot\n"
                "    of_each: case\n"
                "    informs: [nobody]\n"
                "milestones:\n",
            ),
        ),
        (
            "prerequisites.yaml:19:3 fault.recurring_name",
            "prerequisites.yaml:21:12 fault.owner",
            "prerequisites.yaml:22:12 fault.months",
            "prerequisites.yaml:24:13 fault.unknown_ladder",
            "prerequisites.yaml:25:14 fault.not_one_of",
            "prerequisites.yaml:26:15 fault.unknown_role",
        ),
    ),
    Broken(
        "a column too many",
        "bodies/municipalities.csv",
        (("latitude,longitude\n", "latitude,longitude,mayor\n"),),
        ("bodies/municipalities.csv:1:122 fault.csv_unknown_column",),
    ),
    Broken(
        "a missing column",
        "bodies/municipalities.csv",
        (("ars,ags,kind", "ars,kind"),),
        ("bodies/municipalities.csv:1:1 fault.csv_missing_columns",),
    ),
    Broken(
        "semicolons",
        "bodies/municipalities.csv",
        (
            (
                "ars,ags,kind,name,display_name,district,district_ars,seat,postcode,population,area_km2,municipalities,latitude,longitude",
                "ars;ags;kind",
            ),
        ),
        ("bodies/municipalities.csv:1:1 fault.csv_semicolon",),
    ),
    Broken(
        "a row with a cell too few",
        "bodies/municipalities.csv",
        ((",1,50.34695,7.58479", ",1,50.34695"),),
        ("bodies/municipalities.csv:2:1 fault.csv_cells",),
    ),
    Broken(
        "an ARS that appears twice",
        "bodies/municipalities.csv",
        (("073310101000,,", "073310000000,,"),),
        ("bodies/municipalities.csv:4:1 fault.csv_duplicate_ars",),
    ),
    Broken(
        "an ARS of eleven digits",
        "bodies/municipalities.csv",
        (("071110000000,0", "07111000000,0"),),
        ("bodies/municipalities.csv:2:1 fault.csv_ars",),
    ),
    Broken(
        "a population with a separator",
        "bodies/municipalities.csv",
        (("113378", "113.378"),),
        ("bodies/municipalities.csv:2:78 fault.csv_whole_number",),
    ),
    Broken(
        "an area with a comma",
        "bodies/municipalities.csv",
        (("105.25", '"105,25"'),),
        ("bodies/municipalities.csv:2:85 fault.csv_number",),
    ),
    Broken(
        "a district that does not exist",
        "bodies/municipalities.csv",
        (("VG Wöllstein,Alzey,073310000000", "VG Wöllstein,Alzey,073390000000"),),
        ("bodies/municipalities.csv:4:61 fault.unknown_body",),
    ),
    Broken(
        "an open quote in a row",
        "bodies/municipalities.csv",
        (('"Kreis Alzey, Worms"', '"Kreis Alzey, Worms'),),
        ("bodies/municipalities.csv:3:36 fault.csv_quote",),
    ),
    Broken(
        "a latitude beyond the pole",
        "bodies/municipalities.csv",
        (("50.34695", "150.34695"),),
        ("bodies/municipalities.csv:2:94 fault.csv_number",),
    ),
    Broken(
        "boundaries that are no JSON",
        "bodies/boundaries.geojson",
        (("]}}\n]}\n", "]}}\n]\n"),),
        ("bodies/boundaries.geojson:5:1 fault.json",),
    ),
    Broken(
        "an outline of an unknown body",
        "bodies/boundaries.geojson",
        (('"id":"071110000000"', '"id":"071110000001"'),),
        ("bodies/boundaries.geojson:2:24 fault.unknown_body",),
    ),
    Broken(
        "an outline that is a point",
        "bodies/boundaries.geojson",
        (('"Polygon"', '"Point"'),),
        ("bodies/boundaries.geojson:2:24 fault.boundaries_shape",),
    ),
    Broken(
        "no attribution",
        "bodies/attribution.txt",
        (("© somebody\n", "\n"),),
        ("bodies/attribution.txt:1:1 fault.empty_file",),
    ),
    Broken(
        "a message without a subject",
        "messages/de/reminder.txt",
        (("Subject: ", "Betreff: "),),
        ("messages/de/reminder.txt:1:1 fault.message_subject",),
    ),
    Broken(
        "a message without a gap",
        "messages/de/reminder.txt",
        (("\n\nPlease", "\nPlease"),),
        ("messages/de/reminder.txt:2:1 fault.message_gap",),
    ),
    Broken(
        "an unknown placeholder",
        "messages/en/asked.txt",
        (("{due}", "{deu}"),),
        ("messages/en/asked.txt:3:28 fault.message_placeholder",),
    ),
    Broken(
        "a placeholder that looks inside",
        "messages/en/asked.txt",
        (("{due}", "{due.__class__}"),),
        ("messages/en/asked.txt:3:28 fault.message_placeholder",),
    ),
    Broken(
        "a brace alone",
        "messages/en/asked.txt",
        (("{due}", "{due"),),
        ("messages/en/asked.txt:3:28 fault.message_brace",),
    ),
    Broken(
        "a message without text",
        "messages/en/asked.txt",
        (("Please see to {task} until {due}.\n\nNumber {number}.\n", ""),),
        ("messages/en/asked.txt:1:1 fault.message_empty",),
    ),
    Broken(
        "a sample nobody wrote",
        PROCESS,
        (
            (
                "        due: {stichtag: 20 working days}",
                "        sample: leter\n        due: {stichtag: 20 working days}",
            ),
        ),
        ("processes/onboarding/v1.yaml:49:17 fault.unknown_sample",),
    ),
    Broken(
        "samples of prerequisites nobody wrote",
        "prerequisites.yaml",
        (
            ("  mandate:\n    title:", "  mandate:\n    sample: leter\n    title:"),
            (
                "    scoped_by: {de: Leistung",
                "    steps:\n      order: {title: {de: A, en: A}, owner: body.it, "
                "due: 10 working days, ladder: short, sample: lettr}\n    scoped_by: {de: Leistung",
            ),
        ),
        ("prerequisites.yaml:3:13 fault.unknown_sample", "prerequisites.yaml:19:99 fault.unknown_sample"),
    ),
    Broken(
        "a sample without a title",
        "samples/de/letter.md",
        (("# Brief", "Brief"),),
        ("samples/de/letter.md:1:1 fault.sample_title",),
    ),
    Broken(
        "a sample without text",
        "samples/de/letter.md",
        (("Sehr geehrte Damen und Herren", " "),),
        ("samples/de/letter.md:1:1 fault.sample_empty",),
    ),
    Broken(
        "a page without a heading",
        "pages/de/imprint.md",
        (("# Impressum", "Impressum"),),
        ("pages/de/imprint.md:1:1 fault.page_title",),
    ),
    Broken(
        "a page with two large headings",
        "pages/de/imprint.md",
        (("[[Name der Behörde]]", "# Noch eine"),),
        ("pages/de/imprint.md:3:1 fault.page_heading",),
    ),
    Broken(
        "a page without text",
        "pages/de/imprint.md",
        (("[[Name der Behörde]]", " "),),
        ("pages/de/imprint.md:1:1 fault.page_empty",),
    ),
    Broken(
        "a released version that changed",
        "processes/released.txt",
        (("# nothing yet\n", "onboarding/1 0000000000000000000000000000000000000000000000000000000000000000\n"),),
        ("processes/onboarding/v1.yaml:2:10 fault.released_changed",),
    ),
    Broken(
        "a released version that is missing",
        "processes/released.txt",
        (("# nothing yet\n", "# x\nonboarding/2 0000000000000000000000000000000000000000000000000000000000000000\n"),),
        ("processes/released.txt:2:1 fault.released_missing",),
    ),
    Broken(
        "a malformed line of a released version",
        "processes/released.txt",
        (("# nothing yet\n", "onboarding/1\n"),),
        ("processes/released.txt:1:1 fault.released_line",),
    ),
    Broken(
        "a due date too far away",
        PROCESS,
        (("due: 5 working days", "due: 5000 working days"),),
        ("processes/onboarding/v1.yaml:12:14 fault.too_large",),
    ),
    Broken(
        "a condition on a broken number",
        PROCESS,
        (("only_if: {ask.result: [good]}", "only_if: {ask.result: [good, 1.5]}"),),
        ("processes/onboarding/v1.yaml:37:38 fault.condition_value",),
    ),
    Broken(
        "a least value that is no number",
        PROCESS,
        (("least: 1, most: 9", "least: few, most: 9"),),
        ("processes/onboarding/v1.yaml:30:72 fault.not_number",),
    ),
    Broken(
        "a key with capitals",
        "programme.yaml",
        (("programme: small", "programme: Small"),),
        ("programme.yaml:1:12 fault.key",),
    ),
    Broken(
        "a rung that repeats every no days",
        "programme.yaml",
        (("every: 10", "every: 0"),),
        ("programme.yaml:35:30 fault.too_small",),
    ),
    Broken(
        "a rung at which nobody lives any more",
        "programme.yaml",
        (("at: 0,", "at: 3000000,"), ("every: 10", "every: 9999")),
        ("programme.yaml:34:23 fault.too_large", "programme.yaml:35:30 fault.too_large"),
    ),
    Broken(
        "more days without mail than a year has reasons for",
        "programme.yaml",
        (('["12-24"]', f"[{', '.join(['12-24'] * 61)}]"),),
        ("programme.yaml:10:15 fault.too_many",),
    ),
    Broken(
        "a rung that repeats often",
        "programme.yaml",
        (("every: 10", "every: often"),),
        ("programme.yaml:35:30 fault.not_whole_number",),
    ),
    Broken(
        "an OZG key of another form",
        SERVICE,
        (('ozg: "10254"', "ozg: OZG-1"),),
        ("services/dogs.yaml:4:38 fault.not_ozg_key",),
    ),
    Broken(
        "an outline that appears twice",
        "bodies/boundaries.geojson",
        (('"id":"073310000000"', '"id":"071110000000"'),),
        ("bodies/boundaries.geojson:3:24 fault.boundaries_twice",),
    ),
    Broken(
        "columns in another order",
        "bodies/municipalities.csv",
        (("ars,ags,", "ags,ars,"),),
        ("bodies/municipalities.csv:1:1 fault.csv_column_order",),
    ),
    Broken(
        "a column that appears twice",
        "bodies/municipalities.csv",
        (("seat,postcode", "seat,seat"),),
        (
            "bodies/municipalities.csv:1:1 fault.csv_missing_columns",
            "bodies/municipalities.csv:1:59 fault.csv_duplicate_column",
        ),
    ),
    Broken(
        "an AGS of seven digits",
        "bodies/municipalities.csv",
        ((",07111000,", ",0711100,"),),
        ("bodies/municipalities.csv:2:14 fault.csv_ags",),
    ),
    Broken(
        "a postcode of four digits",
        "bodies/municipalities.csv",
        (("56068", "5606"),),
        ("bodies/municipalities.csv:2:72 fault.csv_postcode",),
    ),
    Broken(
        "a prerequisite that informs nobody known",
        "prerequisites.yaml",
        (("    scoped_by:", "    informs: [body.iht]\n    scoped_by:"),),
        ("prerequisites.yaml:17:15 fault.unknown_role",),
    ),
    Broken(
        "a group that adds and removes what is no text",
        "groups.yaml",
        (('add: ["073310101000"]', "add: [1]"), ('remove: ["073310000000"]', "remove: [1]")),
        ("groups.yaml:5:11 fault.not_text", "groups.yaml:6:14 fault.not_text"),
    ),
)
