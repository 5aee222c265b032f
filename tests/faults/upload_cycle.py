"""One upload cycle of the spool, with a collector in the same process; run alone it makes one.

    python -m tests.faults.upload_cycle FOLDER NAME

makes the inspection NAME in FOLDER/state and hands over all that waits to FOLDER/collector, where
each batch is a durable file. Prints `done` at the end.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from agent.errors import SpoolError
from agent.spool import Sealed, Spool
from agent.spool_file import exclusive
from tests.agent.spooling import AGENT, INSPECTION, KEY, failed, observation
from wire.batch import open_batch
from wire.messages import WIRE_VERSION, Acknowledgement, Loss, Standing

OBSERVATIONS = 4


class Collector:
    """Takes batches as the real one does: durable first, acknowledged then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, sealed: Sealed) -> Acknowledgement:
        path = self._folder / f"{sealed.epoch}-{sealed.seq:06}"
        duplicate = path.exists()
        if duplicate:
            assert path.read_bytes() == sealed.batch.payload, "a fork"
        else:
            part = path.with_suffix(".part")
            part.write_bytes(sealed.batch.payload)
            part.rename(path)
        return Acknowledgement(
            wire=WIRE_VERSION,
            agent=sealed.agent,
            epoch=sealed.epoch,
            seq=sealed.seq,
            digest=sealed.batch.digest,
            received_at=datetime.now(UTC),
            server_time=datetime.now(UTC),
            standing=Standing.ACTIVE,
            duplicate=duplicate,
        )

    def observed(self) -> Counter[tuple[str, str]]:
        """Return how often each (inspection, check) was stored."""
        found: Counter[tuple[str, str]] = Counter()
        for path in self._folder.iterdir():
            if not path.suffix:
                batch = open_batch(path.read_bytes())
                name = batch.header.inspection.id
                found.update((name, entry.check) for entry in batch.observations)
        return found

    def let_go(self) -> Counter[Loss]:
        """Return what the batches tell of what had to be let go."""
        told: Counter[Loss] = Counter()
        for path in self._folder.iterdir():
            for gap in open_batch(path.read_bytes()).header.gaps:
                assert gap.observations is not None
                told[gap.loss] += gap.observations
        return told


def cycle(
    state: Path,
    name: str,
    send: Callable[[Sealed], Acknowledgement],
    kept: Callable[[str, str], None] = lambda _name, _check: None,
) -> None:
    """Make one inspection and hand over all that waits; tell `kept` what is durable."""
    with exclusive(state), closing(Spool(state)) as spool:
        spool.finish_interrupted()
        inspection = replace(INSPECTION, id=name)
        spool.open_inspection(inspection)
        for number in range(OBSERVATIONS):
            check = f"host.c{number}"
            spool.add(name, failed(check=check) if number == 2 else observation(check=check))
            kept(name, check)
        spool.finish(replace(inspection, finished_at=datetime.now(UTC)))
        while True:
            for place in spool.pending():
                assert spool.acknowledge(send(spool.batch(place)))
            if not spool.seal_next(AGENT, KEY):
                break


def main(folder: Path, name: str) -> int:
    """Run one cycle; end with 2 and a sentence where the spool can't be used."""
    with (folder / "kept").open("a") as record:

        def kept(inspection: str, check: str) -> None:
            record.write(f"{inspection} {check}\n")
            record.flush()

        try:
            cycle(folder / "state", name, Collector(folder / "collector"), kept)
        except SpoolError as error:
            sys.stderr.write(f"{error.text.en}\n")
            return 2
    sys.stdout.write("done\n")
    return 0


def kept(folder: Path) -> set[tuple[str, str]]:
    """Return what was durable by the record of all cycles in a folder."""
    lines = (folder / "kept").read_text().splitlines()
    return {(name, check) for name, check in (line.split() for line in lines)}


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
