"""The table of builds is whole, and an older build is never better than a newer one."""

from datetime import UTC, datetime

import pytest

from checks.api import Past, State
from checks.mssql import _builds
from checks.mssql._builds import Build, Product, installed, missing, table
from checks.mssql._lifecycle import LIFECYCLE
from checks.mssql._updates import UPDATES
from checks.mssql._versions import Facts
from tests.worse import state_of

PRODUCTS = table().products
_ORDER = (State.OK, State.INFO, State.WARNING, State.CRITICAL)


def of(name: str) -> Product:
    return next(product for product in PRODUCTS if product.name == f"SQL Server {name}")


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_builds_stand_in_order_and_once(product: Product) -> None:
    versions = [build.version for build in product.builds]
    assert versions == sorted(set(versions), reverse=True)
    assert all(version[:2] == product.version and len(version) == 4 for version in versions)
    assert product.builds[-1].name == "RTM"
    assert product.mainstream_end < product.extended_end
    known = [build.kb for build in product.builds if build.kb]
    assert len(known) == len(set(known))


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_on_one_train_what_is_newer_came_out_later(product: Product) -> None:
    for train in _builds.Train:
        for level in {build.level for build in product.builds}:
            dates = [
                build.released
                for build in product.builds
                if build.train is train and build.level == level
            ]
            assert dates == sorted(dates, reverse=True), (train, level)


def test_the_table_says_how_new_it_is() -> None:
    newest = max(build.released for product in PRODUCTS for build in product.builds)
    assert newest == table().complete_until <= table().retrieved_on
    assert {product.name[11:] for product in PRODUCTS} >= {
        "2012",
        "2014",
        "2016",
        "2017",
        "2019",
        "2022",
        "2025",
    }


def names(builds: "list[Build] | tuple[Build, ...]") -> list[str]:
    return [build.name for build in builds]


def test_what_is_missing_counts_a_security_update_of_a_cu_only_until_the_next_cu() -> None:
    product = of("2022")
    base = installed(product, (16, 0, 4245, 2))
    assert base is not None
    assert names(list(missing(product, base))) == ["CU25", "CU26"]
    newest_2019 = installed(of("2019"), (15, 0, 4465, 9))
    assert newest_2019 is not None
    assert names(list(missing(of("2019"), newest_2019))) == ["CU32 + GDR", "CU32 + GDR"]


def test_trains_are_held_apart() -> None:
    product = of("2016")
    for version, newest in [
        ((13, 0, 6300, 2), (13, 0, 6500, 1)),
        ((13, 0, 7000, 253), (13, 0, 7095, 1)),
        ((13, 0, 5026, 0), (13, 0, 5108, 50)),
        ((13, 0, 5149, 0), (13, 0, 5893, 48)),
    ]:
        base = installed(product, version)
        assert base is not None
        assert list(missing(product, base))[-1].version == newest


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_an_older_build_of_a_train_is_never_better(product: Product) -> None:
    for train in _builds.Train:
        states = [
            state_of(UPDATES, Facts(version=build.build))
            for build in product.builds
            if build.train is train and not build.status
        ]
        ranks = [_ORDER.index(state) for state in states]
        assert ranks == sorted(ranks), (train, states)


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.name)
def test_support_never_gets_better_with_time(product: Product) -> None:
    facts = Facts(version=product.builds[0].build)
    states = [
        state_of(LIFECYCLE, facts, past=Past(datetime(year, month, 1, tzinfo=UTC)))
        for year in range(2010, 2040)
        for month in (1, 4, 7, 10)
    ]
    ranks = [_ORDER.index(state) for state in states]
    assert ranks == sorted(ranks)
    assert states[-1] is State.CRITICAL


@pytest.mark.parametrize("version", ["", "abc", "16.0.x", "99.0.1.1", "16.0.99999.1"])
def test_what_the_table_does_not_know_is_never_ok(version: str) -> None:
    assert state_of(UPDATES, Facts(version=version)) is State.NOT_RUN
