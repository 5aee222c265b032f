"""Write a closed session to encrypted files, for a way to the collector without a network.

FILE.inspb   its batches, with the statements of its keys (wire/bundle.py)
FILE.inspr   its record (wire/session_file.py)

Nothing leaves the workstation by it: what was written waits until a delivery confirms it, and may
be written again.
"""

import os
from pathlib import Path

from msgspec.structs import replace

from agent import bundle_messages, export
from agent.errors import BundleError, RemoteError
from agent.remote import folder as names
from agent.remote import texts
from agent.remote.delivering import Outcome, State, held, identity_of, made_state
from agent.remote.folder import Folder
from agent.remote.trust import Trust
from agent.spool import Spool
from wire import session_file
from wire.session_parts import parts_of

PART_BYTES = 2 * 2**30
RECORD_ENDING = ".inspr"
BATCHES_ENDING = ".inspb"


def bundle(folder: Folder, trust: Trust, target: Path) -> Outcome | None:
    """Write the session to `target` and the file beside it; None: it never was a session.

    Nothing is raised for one session: its Outcome says what is wrong.
    """
    return held(folder, trust, lambda: _written(folder, trust, target))


def target_of(chosen: str, folder: Folder, host: str, *, alone: bool) -> Path:
    """Return which file a session goes to: the one that was named, or one beside it by host."""
    path = Path(chosen)
    if path.is_dir():
        return path / f"{_plain(host)}-{folder.id[:8]}{BATCHES_ENDING}"
    if path.suffix in (BATCHES_ENDING, RECORD_ENDING):
        path = path.with_suffix("")
    if not alone:
        path = path.with_name(f"{path.name}.{_plain(host)}-{folder.id[:8]}")
    return path.with_name(path.name + BATCHES_ENDING)


def _plain(host: str) -> str:
    """Return a name as a part of a file's."""
    return "".join(each if each.isalnum() or each in "._-" else "_" for each in host) or "host"


def _written(folder: Folder, trust: Trust, target: Path) -> Outcome:
    known_files = set(folder.progress().bundled)
    record = target.with_suffix(RECORD_ENDING)
    for each in (target, record):
        if each.exists() and str(each.absolute()) not in known_files:
            raise BundleError(texts.FILE_EXISTS.format(file=str(each)))
    grant_identity = identity_of(folder, trust)
    files = []
    if folder.state.exists():
        spool = Spool(made_state(folder))
        try:
            slip = export.export(
                spool,
                grant_identity,
                target,
                part_bytes=PART_BYTES,
                replace=True,
                sessions=(
                    folder.demand(names.OPENING_FILE),
                    *folder.statements().values(),
                ),
            )
        finally:
            spool.close()
        if slip is not None:
            files += [each.file for each in slip.files]
    _write_record(folder, trust, record, grant_identity.recipients)
    files.append(str(record))
    folder.keep_progress(
        replace(folder.progress(), bundled=tuple(str(Path(each).absolute()) for each in files))
    )
    return Outcome(folder.id, grant_identity.host, State.BUNDLED, files=tuple(files))


def _write_record(folder: Folder, trust: Trust, target: Path, recipients: tuple[str, ...]) -> None:
    statements = (
        folder.demand(names.OPENING_FILE),
        *folder.statements().values(),
        folder.demand(names.CLOSING_FILE),
    )
    beside = target.with_name(f".{target.name}.new")
    try:
        with folder.record.open("rb") as lines:
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w+b") as file:
                session_file.write(file, statements, parts_of(lines, trust.key), recipients)
                file.flush()
                os.fsync(file.fileno())
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        detail = error.strerror or str(error)
        raise RemoteError(
            bundle_messages.NOT_WRITTEN.format(file=str(target), detail=detail)
        ) from error
    except ValueError as error:
        beside.unlink(missing_ok=True)
        raise BundleError(bundle_messages.NO_RECIPIENT.format(detail=str(error))) from error
