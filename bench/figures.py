"""What a benchmark returns: figures against their budgets, and beside peers where there are any."""

from dataclasses import dataclass, field
from enum import Enum
from statistics import median


class Origin(Enum):
    """Where a peer's figure comes from."""

    MEASURED = "this run"
    EARLIER = "earlier"
    """Measured for this project on another day (design, §9)."""
    PUBLISHED = "published"
    ABSENT = "not installed"


@dataclass(frozen=True)
class Peer:
    """What another program takes or gives for the same thing."""

    name: str
    runs: tuple[float, ...]
    origin: Origin = Origin.MEASURED

    @property
    def value(self) -> float | None:
        """The median; None where it could not be measured."""
        return median(self.runs) if self.runs else None


@dataclass(frozen=True)
class Figure:
    """One row of the table: the median of several runs."""

    what: str
    runs: tuple[float, ...]
    unit: str
    budget: float | None = None
    lower_is_better: bool = True
    note: str = ""
    peers: tuple[Peer, ...] = field(default=())

    @property
    def value(self) -> float:
        """The median of the runs."""
        return median(self.runs)

    @property
    def ratio(self) -> float | None:
        """value ÷ budget; at most 1 keeps it where lower is better, at least 1 otherwise."""
        return self.value / self.budget if self.budget else None

    @property
    def reached(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        if self.ratio is None:
            return None
        return self.ratio <= 1 if self.lower_is_better else self.ratio >= 1

    def ratio_to(self, peer: Peer) -> float | None:
        """value ÷ the peer's value; None where the peer could not be measured."""
        return self.value / peer.value if peer.value else None
