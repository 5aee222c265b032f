"""Appendices A to D: every check item, thresholds and scoring, the raw data, the words."""

import hashlib

import msgspec

from checks import wording
from collector.assessment.score import CAP, GRADES, LEAST_COVERAGE, WEIGHTS
from collector.reports.blocks import Block, Cell, Chapter, Column, Paragraph, Style, Table
from collector.reports.chapters.glossary import glossary
from collector.reports.chapters.remote import made_remotely
from collector.reports.material import InspectionRow, Severity, ThresholdRow
from collector.reports.source import Source
from collector.reports.terms import (
    CATEGORIES,
    CHAPTERS,
    DEADLINE_DAYS,
    OWNERS,
    SEVERITIES,
    SEVERITY_MARKS,
    SEVERITY_MEANINGS,
    UNITS,
)
from collector.reports.terms import GRADES as GRADE_WORDS


def appendices(source: Source) -> tuple[Chapter, ...]:
    """Return the four appendices."""
    words = source.voice.words
    no_rules = source.empty(words("None: this installation has no check."))
    rules = bool(source.material.rules)
    scoring = (
        Chapter("B.1", words("Thresholds in force"), "thresholds", (_thresholds(source),)),
        Chapter("B.2", words("How the score is made"), "scoring", tuple(_scoring(source))),
        Chapter("B.3", words("Severities and deadlines"), "severities", (_severities(source),)),
    )
    return (
        Chapter(
            "A",
            words("Check items"),
            "appendix-a",
            (_rules(source), _readings(source)) if rules else (no_rules,),
        ),
        Chapter("B", words("Thresholds and scoring"), "appendix-b", scoring),
        Chapter("C", words("Raw data"), "appendix-c", tuple(_raw_data(source))),
        Chapter("D", words("Words"), "appendix-d", (glossary(source),)),
    )


def _rules(source: Source) -> Table:
    words = source.voice.words
    return Table(
        words("Every check item"),
        (
            Column(words("Code"), 1.5, code=True),
            Column(words("Check item"), 3),
            Column(words("Check"), 2.4, code=True),
            Column(words("Chapter"), 2.8),
            Column(words("Priority"), 1, numeric=True),
            Column(words("Owner"), 1.5),
        ),
        tuple(
            (
                Cell(rule.code),
                Cell(source.voice.say(rule.title)),
                Cell(rule.check),
                Cell(f"{CHAPTERS[rule.chapter][1]} {words(CHAPTERS[rule.chapter][0])}"),
                Cell(str(rule.priority)),
                Cell(words(OWNERS[rule.owner])),
            )
            for rule in source.material.rules
        ),
    )


def _readings(source: Source) -> Table:
    words = source.voice.words
    reads = {rule.check: rule for rule in source.material.rules}
    return Table(
        words("What each check reads on the host"),
        (Column(words("Check"), 2), Column(words("Reads"), 5)),
        tuple(
            (
                Cell(f"{source.voice.say(rule.check_title)} ({check})"),
                Cell(source.voice.together(list(rule.reads)) or words("Nothing on the host")),
            )
            for check, rule in sorted(reads.items())
        ),
    )


def _thresholds(source: Source) -> Block:
    words = source.voice.words
    rows = tuple(
        (
            Cell(rule.code),
            Cell(source.voice.say(rule.title)),
            Cell(threshold.name),
            Cell(_limit(source, threshold)),
            Cell(threshold.origin or "—"),
            Cell(words("Default") if threshold.layer == "default" else threshold.layer),
        )
        for rule in source.material.rules
        for threshold in rule.thresholds
    )
    if not rows:
        return source.empty(words("None: no check item has a threshold."))
    return Table(
        words("Thresholds, where each comes from, and the layer of the policy that set it"),
        (
            Column(words("Code"), 1.5, code=True),
            Column(words("Check item"), 2.1),
            Column(words("Threshold"), 2.9, code=True),
            Column(words("Value"), 2),
            Column(words("Origin"), 2.7),
            Column(words("Layer"), 0.9),
        ),
        rows,
    )


def _limit(source: Source, threshold: ThresholdRow) -> str:
    """Return the value of a threshold with its unit, as a person reads it."""
    words, unit = source.voice.words, threshold.unit
    try:
        value = msgspec.json.decode(threshold.value)
    except msgspec.DecodeError:  # a text stands for itself
        value = threshold.value
    if isinstance(value, bool):
        return words("Yes") if value else words("No")
    if value in ("", []):
        return words("None")
    if unit == "bytes" and isinstance(value, int | float):
        return source.voice.say(wording.size(value))
    if unit == "%":
        return f"{threshold.value}%"
    said = ", ".join(map(str, value)) if isinstance(value, list) else threshold.value
    known = UNITS.get(unit, unit)
    return f"{said} {words(known)}" if known else said


def _scoring(source: Source) -> list[Block]:
    words = source.voice.words
    lines = (
        words(
            "A check item on a host has the value of its worst object: ok 1, warning 0.5, "
            "critical 0. Weights: 3, 2, 1 for priority 1, 2, 3. Information, not applicable, "
            "waived, not run and out of date are outside the score."
        ),
        words(
            "Score of a category = 100 × Σ(weight × value) ÷ Σ weight. The health score is the "
            "weighted mean of those categories that have a value."
        ),
        words(
            "Coverage = Σ weight of what was judged ÷ Σ weight of what was judged, not run or out "
            "of date; an item judged for some of its objects counts by their share."
        ),
        words(
            "Limits: an open critical item of priority 1 holds the score at {cap} at most; below "
            "{least}% coverage no score is given.",
            cap=f"{CAP:g}",
            least=f"{LEAST_COVERAGE:g}",
        ),
        words(
            "Several hosts: the customer's two numbers are the mean of the hosts', printed with "
            "the lowest and the median."
        ),
    )
    weights = Table(
        words("Weights of the categories"),
        (Column(words("Category"), 3), Column(words("Weight"), 1, numeric=True)),
        tuple(
            (Cell(words(CATEGORIES[category])), Cell(f"{weight:.0%}"))
            for category, weight in WEIGHTS.items()
        ),
    )
    grades = Table(
        words("Grades"),
        (Column(words("Grade"), 3), Column(words("Score from"), 1, numeric=True)),
        tuple((Cell(words(GRADE_WORDS[grade])), Cell(f"{least:g}")) for least, grade in GRADES),
    )
    return [*(Paragraph(line) for line in lines), weights, grades]


def _severities(source: Source) -> Table:
    words = source.voice.words
    return Table(
        words("Severities; the deadlines are suggestions, counted from the date of the report"),
        (
            Column(words("Severity"), 1.2),
            Column(words("Meaning"), 4),
            Column(words("Days"), 1, numeric=True),
        ),
        tuple(
            (
                Cell(words(SEVERITIES[severity]), SEVERITY_MARKS[severity]),
                Cell(words(SEVERITY_MEANINGS[severity])),
                Cell(str(DEADLINE_DAYS[severity])),
            )
            for severity in Severity
        ),
        row_headings=False,
    )


def _raw_data(source: Source) -> list[Block]:
    words, inspections = source.voice.words, source.material.inspections
    if not inspections:
        return [source.empty(words("No inspection was received in the period."))]
    shown = _last_of_month(source)
    others = [row for row in inspections if row not in shown]
    blocks: list[Block] = [
        Paragraph(
            words(
                "Every batch of facts is kept as it was received. Its SHA-256 proves that nothing "
                "was changed since."
            )
        ),
        Table(
            words("Inspections"),
            (
                Column(words("Host"), 1.5),
                Column(words("Started"), 2.1),
                Column(words("Collected"), 1, numeric=True),
                Column(words("CPU (s)"), 1.35, numeric=True),
                Column(words("Batches (SHA-256)"), 6.2, code=True),
            ),
            tuple(
                (
                    Cell(row.host),
                    Cell(source.voice.moment(row.started_at)),
                    Cell(f"{row.collected}/{row.planned}"),
                    Cell(f"{row.cpu_seconds:.2f}"),
                    Cell(batch),
                )
                for row in shown
                for batch in row.batches or ("—",)
            ),
        ),
    ]
    blocks += made_remotely(source)
    if others:
        batches = sorted(digest for row in others for digest in row.batches)
        blocks.append(
            Paragraph(
                words(
                    "Shown is the last inspection of each host and month. {count} more "
                    "inspections with {batches} batches were received; the SHA-256 over their "
                    "sorted digests is {digest}.",
                    count=len(others),
                    batches=len(batches),
                    digest=hashlib.sha256("\n".join(batches).encode()).hexdigest(),
                ),
                Style.NOTE,
            )
        )
    return blocks


def _last_of_month(source: Source) -> tuple[InspectionRow, ...]:
    last: dict[tuple[str, str], InspectionRow] = {}
    for row in source.material.inspections:
        last[row.host, source.voice.day(row.started_at)[:7]] = row
    return tuple(sorted(last.values(), key=lambda row: (row.host, row.started_at)))
