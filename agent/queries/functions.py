"""Names that a declared query must not call: they change, wait, lock, or reach beyond the server.

No list can be whole: a function of the site's own may do anything. What holds in every case is
the account, which may not write (docs/databases.md); this finds what was written by mistake.
"""

import re
from collections.abc import Sequence

from checks.databases import Engine

_PACKAGES = r"dbms_\w+|utl_\w+|owa_\w+|htp|htf|ctx_\w+|apex_\w+|ordsys|mdsys"
_EVERYWHERE = (
    rf"{_PACKAGES}|nextval|setval|next_value|sleep|benchmark|[sx]p_\w+|"
    r"openrowset|openquery|opendatasource"
)
_POSTGRESQL = (
    r"(pg|sys)_(terminate|cancel)_\w+|(pg|sys)_(reload|rotate|switch|create|drop|promote|start|"
    r"stop|advisory|try_advisory|sleep|export|import|notify|logical|replication|read|write|file_|"
    r"prewarm|log_backend|extension_config|nextoid|clear|restore|sync|wal_replay|xlog_replay|"
    r"stat_reset|stat_clear|stat_force|backup|buffercache_evict|"
    r"signal|truncate|relation_filenode_from)\w*|"
    r"pg_stat_\w*reset\w*|sys_stat_\w*reset\w*|pg_replication_slot_advance|"
    r"pg_current_xact_id|txid_current|"
    r"set_config|lo_\w+|lo(read|write)|dblink\w*|postgres_fdw_\w+|"
    r"(query|table|cursor|schema|database)_to_xml\w*|ts_(stat|rewrite)|crosstab\w*|connectby|"
    r"brin_\w+|gin_clean_pending_list|http\w*"
)
_MYSQL = (
    r"load_file|(get|release)_lock|release_all_locks|"
    r"(master|source)_(pos|gtid)_wait|wait_\w+|group_replication_\w+|"
    r"asynchronous_connection_\w+|audit_\w+|keyring_\w+|sys_(exec|eval|set)|sql_thread_wait\w*|"
    r"service_\w+|ps_setup_\w+|set_system_user|spider_\w+|last_insert_id"
)
_ORACLE = (
    r"(db|http|xdb)?uritype|bfilename|"
    # DM8: SF_ functions change as well as show; only those that show are left.
    r"sf_(?!get_|check_|bakset_check)\w+|drop_\w+|backup_\w+|kill_\w+|cancel_\w+|checkpoint"
)
_MSSQL = r"newsequentialid|fn_xe_file\w*|fn_get_audit_file|fn_dump_dblog|fn_dblog"

_CALLS = {
    Engine.MSSQL: re.compile(f"{_EVERYWHERE}|{_MSSQL}", re.IGNORECASE),
    Engine.POSTGRESQL: re.compile(f"{_EVERYWHERE}|{_POSTGRESQL}", re.IGNORECASE),
    Engine.KINGBASE: re.compile(f"{_EVERYWHERE}|{_POSTGRESQL}", re.IGNORECASE),
    Engine.MYSQL: re.compile(f"{_EVERYWHERE}|{_MYSQL}", re.IGNORECASE),
    Engine.MARIADB: re.compile(f"{_EVERYWHERE}|{_MYSQL}", re.IGNORECASE),
    Engine.ORACLE: re.compile(f"{_EVERYWHERE}|{_ORACLE}", re.IGNORECASE),
    Engine.DAMENG: re.compile(f"{_EVERYWHERE}|{_ORACLE}", re.IGNORECASE),
}
_IN_PACKAGE = dict.fromkeys((Engine.ORACLE, Engine.DAMENG), re.compile(_PACKAGES, re.IGNORECASE))
"""Oracle's functions stand behind the name of their package."""
_WORDS = {
    # Hints that lock what is read.
    Engine.MSSQL: re.compile(
        "UPDLOCK|XLOCK|TABLOCKX?|HOLDLOCK|PAGLOCK|ROWLOCK|SERIALIZABLE|REPEATABLEREAD",
        re.IGNORECASE,
    ),
    Engine.ORACLE: re.compile("NEXTVAL", re.IGNORECASE),
    Engine.DAMENG: re.compile("NEXTVAL", re.IGNORECASE),
}


def forbidden(words: Sequence[str], engine: Engine) -> str | None:
    """Return the first name that must not be called, of a query's words outside of its strings."""
    calls, packages = _CALLS[engine], _IN_PACKAGE.get(engine)
    locks = _WORDS.get(engine)
    for position, word in enumerate(words):
        follows = words[position + 1] if position + 1 < len(words) else ""
        if follows == "(" and calls.fullmatch(word):
            return word
        if follows == "." and packages is not None and packages.fullmatch(word):
            return word
        if locks is not None and locks.fullmatch(word):
            return word
    return None
