"""The one thing that bytes can do to a reader: be other than what they have to be."""


class Damaged(Exception):
    """What is read is at fault. The text says how, in English."""
