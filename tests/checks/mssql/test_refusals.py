"""What SQL Server says of a missing right is told as one, not as an error."""

import pytest

from agent.databases.failing import meaning
from checks.errors import NotPermitted, Unsupported


@pytest.mark.parametrize(
    ("number", "words", "kind"),
    [
        # Without ALTER TRACE, for MSSQL-022.
        (8189, "You do not have permission to run 'SYS.TRACES'.", NotPermitted),
        (300, "VIEW SERVER STATE permission was denied on object 'server'.", NotPermitted),
        (229, "The SELECT permission was denied on the object 'sysjobsteps'.", NotPermitted),
        (208, "Invalid object name 'sys.dm_db_log_stats'.", Unsupported),
    ],
)
def test_a_refusal_is_told_by_its_number(number: int, words: str, kind: type[Exception]) -> None:
    said = (
        f"[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{words} ({number}) (SQLExecDirectW)"
    )
    assert isinstance(meaning(RuntimeError("42000", f"[42000] {said}")), kind)
