"""What many rules do alike: hold one number of one object against two limits."""

from collections.abc import Callable

from checks.api import Failure, State, Text, Verdict, grade, not_run

_BELOW = Text("< {limit}", "< {limit}")
_ABOVE = Text("> {limit}", "> {limit}")


def judged(
    object: str,
    value: float,
    warning: float,
    critical: float,
    *,
    show: Callable[[float], Text],
    message: Text,
    lower_is_worse: bool = False,
) -> Verdict:
    """Return the verdict on a value; reaching a limit counts as beyond it.

    `show` words a value (checks/wording.py); `message` is said where it is not well.
    """
    state = grade(value, warning, critical, lower_is_worse=lower_is_worse)
    reference = (_ABOVE if lower_is_worse else _BELOW).format(limit=show(warning))
    return Verdict(object, state, show(value), reference, None if state is State.OK else message)


def missing(failure: Failure, object: str = "") -> tuple[Verdict]:
    """Return the one verdict of a rule whose part of the facts could not be read."""
    return (not_run(object, failure),)
