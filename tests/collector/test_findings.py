"""The five changes of a finding."""

from hypothesis import given
from hypothesis import strategies as st

from checks.api import State
from collector.assessment.findings import BAD, Known, Severity, change, severity

STATES = st.one_of(st.none(), st.sampled_from(State))
KNOWN = st.one_of(st.none(), st.builds(Known, st.sampled_from(sorted(BAD, key=str)), st.booleans()))


@given(KNOWN, STATES)
def test_only_a_bad_verdict_opens_a_finding_and_only_a_good_one_closes_it(
    known: Known | None, present: State | None
) -> None:
    became = change(known, present)
    is_open = known is not None and not known.resolved
    if present in BAD:
        assert became in {"new", "recurring", "worsened", "improved"}
        assert (became == "new") == (known is None)
    elif present in {State.NOT_RUN, State.STALE}:
        assert became is None
    elif present is State.WAIVED:
        assert became == ("waived" if is_open else None)
    else:
        assert became == ("resolved" if is_open else None)


def test_severity_follows_state_and_priority() -> None:
    assert severity(State.CRITICAL, 1) is Severity.S1
    assert severity(State.WARNING, 1) is Severity.S2
    assert severity(State.CRITICAL, 3) is Severity.S3
    assert severity(State.WARNING, 3) is Severity.S4
