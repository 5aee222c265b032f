"""The two numbers, 健康评分 and 检查覆盖率: types and the formula that the report prints.

Formula (check-catalogue §4.4):

- A rule on a host has the value of its worst object: 1 ok, 0.5 warning, 0 critical. The number of
  mounts must not drive the score. Weights 3, 2, 1 for priority 1, 2, 3. info, not applicable,
  waived, not run and stale are outside the score.
- Score of a category = 100 × Σ weight × value ÷ Σ weight; the total is the mean of the categories,
  weighted, over those categories that have a value.
- Coverage = Σ weight of what was judged ÷ Σ weight of what was judged, not run or stale; a rule
  with some objects judged and some not counts by their share.
- Gates: an open critical verdict of a priority 1 rule caps the total at 59; below 80 % coverage
  no score is given.
- Several hosts: each host has its two numbers; the customer's is their mean, printed with the
  minimum and the median, so that one sick server is not averaged away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import fmean, median

from checks.api import Chapter, State


class Category(Enum):
    """A part of the score. The agent's own checks count for coverage only."""

    BACKUP = "backup"
    DATABASE = "database"
    HOST = "host"
    SECURITY = "security"
    PRODUCT = "product"


class Grade(Enum):
    """What a score means: 优 from 90, 良 from 75, 中 from 60, 需整改 below."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


WEIGHTS = {
    Category.BACKUP: 0.25,
    Category.DATABASE: 0.25,
    Category.HOST: 0.20,
    Category.SECURITY: 0.15,
    Category.PRODUCT: 0.15,
}
GRADES = ((90.0, Grade.EXCELLENT), (75.0, Grade.GOOD), (60.0, Grade.FAIR), (0.0, Grade.POOR))
CAP = 59.0
LEAST_COVERAGE = 80.0


@dataclass(frozen=True)
class Part:
    """The two numbers of one category on one host."""

    category: Category
    score: float | None
    """0 to 100; None: nothing of it was judged."""
    coverage: float
    """0 to 100."""


@dataclass(frozen=True)
class Score:
    """The two numbers of a host, or of a customer (then over its hosts)."""

    score: float | None
    """0 to 100; None where coverage is below LEAST_COVERAGE or nothing was judged."""
    coverage: float
    grade: Grade | None
    capped: bool
    """An open critical verdict of a priority 1 rule holds the total at CAP."""
    parts: tuple[Part, ...]
    minimum: float | None = None
    """Of several hosts: the lowest score."""
    median: float | None = None


CATEGORY_OF = {
    Chapter.HOST: Category.HOST,
    Chapter.PATCH: Category.SECURITY,
    Chapter.SECURITY: Category.SECURITY,
    Chapter.DATABASE: Category.DATABASE,
    Chapter.BACKUP: Category.BACKUP,
    Chapter.PRODUCT: Category.PRODUCT,
}
_VALUES = {State.OK: 1.0, State.WARNING: 0.5, State.CRITICAL: 0.0}
_MISSING = frozenset({State.NOT_RUN, State.STALE})


@dataclass(frozen=True)
class Judged:
    """One rule on one host, as the score sees it."""

    category: Category | None
    """None: counts for coverage only."""
    priority: int
    states: tuple[State, ...]
    """One for each object."""


@dataclass
class _Sum:
    weight: float = 0.0
    points: float = 0.0
    covered: float = 0.0
    expected: float = 0.0

    def add(self, rule: Judged) -> None:
        weight = 4 - rule.priority
        values = [_VALUES[state] for state in rule.states if state in _VALUES]
        missing = sum(1 for state in rule.states if state in _MISSING)
        # info says something true about the object: it was looked at.
        looked_at = len(values) + sum(1 for state in rule.states if state is State.INFO)
        if values:
            self.weight += weight
            self.points += weight * min(values)
        if looked_at + missing:
            self.covered += weight * looked_at / (looked_at + missing)
            self.expected += weight

    @property
    def score(self) -> float | None:
        return 100 * self.points / self.weight if self.weight else None

    @property
    def coverage(self) -> float:
        return 100 * self.covered / self.expected if self.expected else 0.0


def of_host(rules: Iterable[Judged]) -> Score:
    """Return the two numbers of one host from every rule that is meant for it."""
    total = _Sum()
    sums = {category: _Sum() for category in Category}
    present: set[Category] = set()
    capped = False
    for rule in rules:
        total.add(rule)
        if rule.category is not None:
            sums[rule.category].add(rule)
            present.add(rule.category)
            capped = capped or (rule.priority == 1 and State.CRITICAL in rule.states)
    parts = tuple(
        Part(category, sums[category].score, sums[category].coverage)
        for category in Category
        if category in present
    )
    return _graded(_weighted(parts), total.coverage, capped, parts)


def of_customer(hosts: Sequence[Score]) -> Score:
    """Return the two numbers of a customer: means over its hosts, with minimum and median."""
    if not hosts:
        return Score(None, 0.0, None, False, ())
    parts = []
    for category in Category:
        of_category = [part for host in hosts for part in host.parts if part.category is category]
        if of_category:
            scores = [part.score for part in of_category if part.score is not None]
            parts.append(
                Part(
                    category,
                    fmean(scores) if scores else None,
                    fmean(part.coverage for part in of_category),
                )
            )
    values = [host.score for host in hosts if host.score is not None]
    mean = fmean(values) if len(values) == len(hosts) else None
    capped = any(host.capped for host in hosts)
    coverage = fmean(host.coverage for host in hosts)
    graded = _graded(mean, coverage, capped, tuple(parts))
    if graded.score is None or len(hosts) == 1:
        return graded
    return Score(
        graded.score, coverage, graded.grade, capped, tuple(parts), min(values), median(values)
    )


def _weighted(parts: Sequence[Part]) -> float | None:
    scored = [(WEIGHTS[part.category], part.score) for part in parts if part.score is not None]
    if not scored:
        return None
    return sum(weight * score for weight, score in scored) / sum(weight for weight, _ in scored)


def _graded(score: float | None, coverage: float, capped: bool, parts: tuple[Part, ...]) -> Score:
    if score is None or coverage < LEAST_COVERAGE:
        return Score(None, coverage, None, capped, parts)
    if capped:
        score = min(score, CAP)
    grade = next(grade for least, grade in GRADES if score >= least)
    return Score(score, coverage, grade, capped, parts)
