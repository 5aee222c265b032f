"""Make the batches of one inspection, each below the limits of the wire, and smaller ones again."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from wire.batch import Batch, seal, unpack
from wire.messages import WIRE_VERSION, Failure, Gap, Header, Inspection, Observation, Reason

MOST_BYTES = 7 * 2**20
"""Lines in one batch, unpacked. Packing can't make them grow beyond the wire's 8 MiB."""
MOST_LINES = 5000


class Chain(Struct, frozen=True):
    """Where the next batch of an agent stands: its number, and the digest of the one before."""

    agent: str
    epoch: str
    seq: int
    previous: str | None


class Part(Struct, frozen=True):
    """One batch that was made, with its header and lines."""

    header: Header
    batch: Batch
    lines: Sequence[bytes]


def parts(
    chain: Chain,
    inspection: Inspection,
    lines: Sequence[bytes],
    *,
    sealed_at: datetime,
    gaps: tuple[Gap, ...],
) -> list[Part]:
    """Return the batches of an inspection, chained by digest; the first tells the gaps.

    An inspection without any line is one batch, too: that nothing was read is worth knowing.
    """
    groups = _grouped(lines)
    header = Header(
        wire=WIRE_VERSION,
        agent=chain.agent,
        epoch=chain.epoch,
        seq=chain.seq,
        inspection=inspection,
        observations=0,
        sealed_at=sealed_at,
        gaps=gaps,
    )
    return _chained(
        chain,
        [
            (replace(header, part=part, last=part == len(groups)), group)
            for part, group in enumerate(groups, start=1)
        ],
    )


def smaller(chain: Chain, payload: bytes, largest_bytes: int, extra: Gap) -> list[Part]:
    """Return a batch made anew as several of at most `largest_bytes`, packed, if that is possible.

    Where one observation alone is too large, it goes without its facts and says so by a failure.
    They keep the number of their part, and only the last of them can be the last of the inspection.
    `extra` is told beside the gaps of the batch itself. An empty list: no way to make it smaller.
    """
    first, *lines = unpack(payload).rstrip(b"\n").split(b"\n")
    header = msgspec.json.decode(first, type=Header)
    header = replace(header, gaps=(*header.gaps, extra))

    def fits(group: Sequence[bytes]) -> bool:
        # Numbers and digests of full length, so that the batch itself is not larger.
        trial = replace(header, seq=2**53, previous="0" * 64, observations=len(group))
        return len(seal(trial, group).payload) + 64 <= largest_bytes

    groups = _halved(lines, fits)
    if not all(fits(group) for group in groups) or groups == [lines]:
        return []
    return _chained(
        chain,
        [
            (replace(header, last=header.last and index == len(groups)), group)
            for index, group in enumerate(groups, start=1)
        ],
    )


def _chained(chain: Chain, planned: Sequence[tuple[Header, Sequence[bytes]]]) -> list[Part]:
    made: list[Part] = []
    for offset, (header, lines) in enumerate(planned):
        placed = replace(
            header,
            agent=chain.agent,
            epoch=chain.epoch,
            seq=chain.seq + offset,
            previous=made[-1].batch.digest if made else chain.previous,
            observations=len(lines),
            gaps=() if made else header.gaps,
        )
        made.append(Part(placed, seal(placed, lines), lines))
    return made


def _halved(lines: list[bytes], fits: Callable[[Sequence[bytes]], bool]) -> list[list[bytes]]:
    if fits(lines) or not lines:
        return [lines]
    if len(lines) == 1:
        return [[_without_facts(lines[0])]]
    middle = len(lines) // 2
    return _halved(lines[:middle], fits) + _halved(lines[middle:], fits)


def _without_facts(line: bytes) -> bytes:
    """Return the line of an observation that was too large for the way: why, not what."""
    observation = msgspec.json.decode(line, type=Observation)
    failure = Failure(Reason.ERROR, "too large", f"{len(line)} bytes of facts can't be handed over")
    return msgspec.json.encode(replace(observation, facts=UNSET, failure=failure))


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
