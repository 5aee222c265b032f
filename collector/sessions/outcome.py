"""What came of looking at a session, or at one thing of it."""

from enum import Enum


class Outcome(Enum):
    """What came of one look."""

    GOOD = "good"
    INCOMPLETE = "incomplete"
    """Something has not come yet: nothing is wrong, and nothing is proved."""
    WRONG = "wrong"
