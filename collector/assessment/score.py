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

from dataclasses import dataclass
from enum import Enum


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
