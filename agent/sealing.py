"""Make the batches of one inspection, each below the limits of the wire."""

from collections.abc import Sequence

from wire.batch import Batch, seal
from wire.messages import WIRE_VERSION, Header, Inspection

MOST_BYTES = 7 * 2**20
"""Lines in one batch, unpacked. Packing can't make them grow beyond the wire's 8 MiB."""
MOST_LINES = 5000


def parts(
    *,
    agent: str,
    epoch: str,
    seq: int,
    previous: str | None,
    inspection: Inspection,
    lines: Sequence[bytes],
) -> list[tuple[int, Batch, int]]:
    """Return (number, batch, count of observations) for each part, chained by digest.

    `seq` is the number of the first part, `previous` the digest of the batch before it. An
    inspection without any line is one batch, too: that nothing was read is worth knowing.
    """
    groups = _grouped(lines)
    made = []
    for index, group in enumerate(groups):
        header = Header(
            wire=WIRE_VERSION,
            agent=agent,
            epoch=epoch,
            seq=seq + index,
            previous=previous,
            inspection=inspection,
            part=index + 1,
            last=index + 1 == len(groups),
            observations=len(group),
        )
        batch = seal(header, group)
        made.append((seq + index, batch, len(group)))
        previous = batch.digest
    return made


def _grouped(lines: Sequence[bytes]) -> list[list[bytes]]:
    groups: list[list[bytes]] = [[]]
    size = 0
    for line in lines:
        if groups[-1] and (size + len(line) > MOST_BYTES or len(groups[-1]) == MOST_LINES):
            groups.append([])
            size = 0
        groups[-1].append(line)
        size += len(line) + 1
    return groups
