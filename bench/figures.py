"""What a benchmark returns: one figure against its budget, and beside a peer where there is one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One row of the table."""

    what: str
    value: float
    unit: str
    budget: float | None
    lower_is_better: bool = True
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """value ÷ budget; under 1 is within it where lower is better, over 1 otherwise."""
        return self.value / self.budget if self.budget else None

    @property
    def reached(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        if self.ratio is None:
            return None
        return self.ratio <= 1 if self.lower_is_better else self.ratio >= 1
