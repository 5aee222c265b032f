"""What `inspect-here` shows on the terminal: progress, the worst first, the two numbers."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text as Styled

from checks.api import State, Text
from collector.assessment.score import Grade, Score
from collector.here.agent_process import Event
from collector.here.service import Done
from collector.reports.material import FindingRow

_GRADES = {
    Grade.EXCELLENT: Text("优", "excellent"),
    Grade.GOOD: Text("良", "good"),
    Grade.FAIR: Text("中", "fair"),
    Grade.POOR: Text("需整改", "needs work"),
}
_CHANGES = {
    "new": Text("新增", "new"),
    "recurring": Text("重复出现", "recurring"),
    "improved": Text("改善", "improved"),
    "worsened": Text("恶化", "worsened"),
    "resolved": Text("已解决", "resolved"),
    "waived": Text("已豁免", "waived"),
}
_STATES = {
    State.CRITICAL: (Text("异常", "critical"), "bold red"),
    State.WARNING: (Text("关注", "warning"), "yellow"),
}
_STEPS = {
    "planned": Text("采集本机数据", "reading this machine"),
    "uploaded": Text("上传", "uploading"),
    "assessing": Text("评估", "judging"),
    "reporting": Text("生成报告", "writing the report"),
}
_COLUMNS = (
    Text("编号", "No."),
    Text("结论", "state"),
    Text("检查项", "rule"),
    Text("对象", "object"),
    Text("当前值", "current"),
    Text("参考值", "reference"),
)
_FIXED = 2
"""Columns that are never broken into lines."""


@dataclass
class ProgressBar:
    """A progress bar on the error output, fed by the events of the job."""

    language: str
    progress: Progress
    task: TaskID

    @classmethod
    def on(cls, console: Console, language: str) -> "ProgressBar":
        """Return a bar; it shows only on a terminal."""
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[running]}"),
            console=console,
            transient=True,
        )
        task = progress.add_task(said(_STEPS["planned"], language), total=None, running="")
        return cls(language, progress, task)

    def heard(self, event: Event) -> None:
        """Move on by one event."""
        if event.kind == "planned":
            self.progress.update(self.task, total=event.values["total"])
        elif event.kind == "started":
            self.progress.update(self.task, running=event.values["check"])
        elif event.kind == "observed":
            self.progress.update(self.task, completed=event.values["done"])
        elif event.kind in _STEPS:
            self.progress.update(
                self.task, description=said(_STEPS[event.kind], self.language), running=""
            )


def said(text: Text, language: str) -> str:
    """Return a text in the language of the console."""
    return text.en if language == "en" else text.zh


def open_findings(done: Done) -> list[FindingRow]:
    """Return what is open, worst first."""
    return [row for row in done.material.findings if row.state is not State.OK]


def show(done: Done, console: Console, language: str) -> None:
    """Print the result for a person."""
    titles = {rule.code: rule.title for rule in done.material.rules}
    found = open_findings(done)
    if found:
        table = Table(expand=False)
        for place, column in enumerate(_COLUMNS):
            table.add_column(said(column, language), no_wrap=place < _FIXED, overflow="fold")
        for row in found:
            label, style = _STATES[row.state]
            table.add_row(
                row.number,
                Styled(f"{said(label, language)} {said(_CHANGES[row.change], language)}", style),
                Styled(f"{row.code} {said(titles.get(row.code, Text('', '')), language)}"),
                Styled(row.object or row.host),
                Styled(said(row.current, language)),
                Styled(said(row.reference, language)),
            )
        console.print(table)
    else:
        console.print(said(Text("没有发现隐患。", "No findings."), language))
    missing = [row for host in done.material.hosts for row in host.verdicts if row.reason]
    not_run = sum(1 for row in missing if row.state is State.NOT_RUN)
    console.print(numbers(done.material.score, language), style="bold")
    if not_run:
        unread = Text(f"未采集 {not_run} 项，原因见报告。", f"{not_run} not run: see the report.")
        console.print(said(unread, language))
    for path in (done.written.pdf, done.written.html):
        console.print(str(path.absolute()), soft_wrap=True, highlight=False)


def numbers(score: Score, language: str) -> str:
    """Return 健康评分 and 检查覆盖率, never one without the other."""
    covered = f"{score.coverage:.1f}%"
    if score.score is None or score.grade is None:
        return said(
            Text(
                f"健康评分：覆盖率不足，不评分    检查覆盖率：{covered}",
                f"Health score: not given, coverage too low    Coverage: {covered}",
            ),
            language,
        )
    grade = _GRADES[score.grade]
    return said(
        Text(
            f"健康评分：{score.score:.1f}（{grade.zh}）    检查覆盖率：{covered}",
            f"Health score: {score.score:.1f} ({grade.en})    Coverage: {covered}",
        ),
        language,
    )


def as_json(done: Done) -> dict[str, Any]:
    """Return the result for a program."""
    score = done.material.score
    return {
        "customer": done.material.cover.customer,
        "inspection": done.inspection,
        "planned": done.planned,
        "collected": done.collected,
        "score": score.score,
        "grade": score.grade.value if score.grade else None,
        "coverage": score.coverage,
        "findings": [
            {
                "number": row.number,
                "host": row.host,
                "code": row.code,
                "object": row.object,
                "state": row.state.value,
                "severity": row.severity.value,
                "change": row.change,
                "first_seen": row.first_seen.isoformat(),
                "times": row.times,
                "current": {"zh": row.current.zh, "en": row.current.en},
                "reference": {"zh": row.reference.zh, "en": row.reference.en},
            }
            for row in open_findings(done)
        ],
        "not_run": [
            {"host": host.name, "code": row.code, "object": row.object, "reason": row.reason.en}
            for host in done.material.hosts
            for row in host.verdicts
            if row.state is State.NOT_RUN and row.reason
        ],
        "report": {"html": str(done.written.html), "pdf": str(done.written.pdf)},
    }
