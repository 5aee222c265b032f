"""What kinds of things may be looked at or done on a customer's host (contract, 授权范围)."""

from enum import Enum


class Scope(Enum):
    """What may be looked at or done; each needs the customer's own word."""

    METADATA = "metadata"
    """Sizes, versions, states, counts, times, names of system objects."""
    CONFIG = "config"
    """Contents of configuration: settings, accounts and their rights, schedules."""
    QUERY_TEXT = "query-text"
    """Texts of queries, which may hold business data."""
    BUSINESS_DATA = "business-data"
    """Rows of business tables, or figures made of them."""
    SYSTEM_PASSWORD = "system-password"  # noqa: S105 - a name of a scope
    """Signing in with a password of the customer's systems."""
    CHANGE = "change"
    """Free work in a shell."""


DEFAULT_SCOPES = (Scope.METADATA,)
"""What a grant covers that names none."""
