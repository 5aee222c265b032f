"""Why the package can't be built."""


class CannotBuild(Exception):
    """One sentence for the person who builds."""
