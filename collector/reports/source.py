"""What every chapter is written from: the material, the voice, and the rules by code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from checks.api import Chapter, State
from collector.assessment.score import LEAST_COVERAGE, Score
from collector.reports.blocks import Cell, Mark, Paragraph, Style
from collector.reports.material import (
    FindingRow,
    HostMaterial,
    Material,
    RuleRow,
    Severity,
    VerdictRow,
)
from collector.reports.terms import CHANGES, DEADLINE_DAYS, GRADES, STATES
from collector.reports.words import Voice


@dataclass(frozen=True)
class Source:
    """The material with what is looked up in it all the time."""

    material: Material
    voice: Voice
    rules: Mapping[str, RuleRow]

    def title(self, code: str) -> str:
        """Return a rule's title; its code where this installation does not have the rule."""
        return self.voice.say(self.rules[code].title) if code in self.rules else code

    def check_title(self, check: str) -> str:
        """Return a check's title; its id where this installation does not have the check."""
        for rule in self.material.rules:
            if rule.check == check:
                return self.voice.say(rule.check_title)
        return check

    def chapter_of(self, code: str, check: str) -> Chapter:
        """Return where a verdict stands; by its check's folder where the rule is unknown."""
        if code in self.rules:
            return self.rules[code].chapter
        folder = check.split(".")[0]
        return next((chapter for chapter in Chapter if chapter.value == folder), Chapter.PRODUCT)

    def verdicts(self, *chapters: Chapter) -> Iterator[tuple[HostMaterial, VerdictRow]]:
        """Yield every verdict of the chapters with its host."""
        for host in self.material.hosts:
            for row in host.verdicts:
                if self.chapter_of(row.code, row.check) in chapters:
                    yield host, row

    def verdicts_in(self, *states: State) -> list[tuple[HostMaterial, VerdictRow]]:
        """Return every verdict in one of the states with its host."""
        return [
            (host, row)
            for host in self.material.hosts
            for row in host.verdicts
            if row.state in states
        ]

    def open_findings(self) -> tuple[FindingRow, ...]:
        """Return the findings that are not resolved, worst first."""
        return tuple(
            row for row in self.material.findings if row.change not in ("resolved", "waived")
        )

    def deadline(self, severity: Severity) -> date:
        """Return until when a finding should be put right."""
        days = timedelta(days=DEADLINE_DAYS[severity])
        return self.material.cover.generated_on + days

    def state(self, state: State) -> Cell:
        """Return the cell that shows a state."""
        return Cell(self.voice.words(STATES[state]), Mark(state.value))

    def why(self, row: VerdictRow) -> str:
        """Return why there is no judgement: what the rule says of it, or the reason on record."""
        first, second = row.reason, row.message
        if row.state is State.NOT_RUN:
            first, second = second, first
        return self.voice.say(first) or self.voice.say(second)

    def change(self, change: str) -> str:
        """Return the word for a finding's change."""
        return self.voice.words(CHANGES[change])

    def place(self, host: str, object: str) -> str:
        """Return where a verdict was made: `host · object`, or the host alone."""
        return f"{host} · {object}" if object else host

    def no_finding(self) -> str:
        """Return why no finding is open: nothing is wrong, or nothing is known."""
        words = self.voice.words
        if not self.material.inspections:
            return words("Not collected: no inspection was received in the period.")
        judged = (State.OK, State.INFO, State.WARNING, State.CRITICAL, State.WAIVED)
        if not self.verdicts_in(*judged):
            return words("Not collected: no check had a result, findings can't be told.")
        return words("No finding is open in this period.")

    def empty(self, text: str) -> Paragraph:
        """Return the line that stands where there is nothing."""
        return Paragraph(text, Style.EMPTY)


def score_number(source: Source, score: Score) -> str:
    """Return the score alone, for places where the coverage stands beside it."""
    words = source.voice.words
    if score.score is not None:
        return f"{score.score:.1f}"
    return (
        words("Coverage too low: no score")
        if score.coverage < LEAST_COVERAGE
        else words("No score")
    )


def score_sentence(source: Source, score: Score) -> str:
    """Return the two numbers in one sentence, with the grade where there is one."""
    words = source.voice.words
    if score.score is None:
        return words(
            "{why}; coverage {coverage}%",
            why=score_number(source, score),
            coverage=f"{score.coverage:.1f}",
        )
    grade = words(" ({grade})", grade=words(GRADES[score.grade])) if score.grade else ""
    return words(
        "Health score {score}{grade}, coverage {coverage}%",
        score=score_number(source, score),
        grade=grade,
        coverage=f"{score.coverage:.1f}",
    )


def shortened(text: str, most: int) -> str:
    """Return the start of a text that must fit a small place; the whole stands elsewhere."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
