"""The queries of a pack, and where in it each stands."""

from collections.abc import Iterator

from checks.product_packs import Declaration


def queries(declared: Declaration) -> Iterator[tuple[str, str]]:
    """Yield where each query of a pack stands, and its text."""
    sets, licence, periods = declared.account_sets, declared.licence, declared.periods
    if sets is not None:
        yield "account_sets.query", sets.query
        if sets.databases:
            yield "account_sets.databases", sets.databases
    if licence is not None and licence.query:
        yield "licence.query", licence.query
    if periods is not None:
        yield "periods.query", periods.query
    for number, metric in enumerate(declared.metrics, start=1):
        yield f"metrics[{number}].query", metric.query
