"""Which blocks are compared where all bytes would be too many. Pure.

64 blocks find 1 % of bad blocks with a chance of 47 %, 5 % with 96 %, a single one practically
never: a sample is a look between proofs, and no proof.
"""

import random
from collections.abc import Mapping, Sequence

from agent.backups.offsite.comparing import Wanted

BLOCK_BYTES = 2**16
RANDOM_BLOCKS = 64
_ENDS_OF = 16
"""Head and tail are read of so many of the largest files: truncation and zero tails show there."""

Ranges = Mapping[str, tuple[tuple[int, int], ...]]


def sample(files: Sequence[Wanted], seed: str) -> Ranges:
    """Return the ranges (offset, length) to be compared of each file, by its path, ascending."""
    chosen = random.Random(seed)  # noqa: S311 - repeatable by its seed, and no secret
    blocks: dict[str, set[int]] = {}
    largest = sorted(files, key=lambda wanted: (-wanted.bytes, wanted.path))
    for wanted in largest[:_ENDS_OF]:
        if wanted.bytes:
            blocks[wanted.path] = {0, _blocks(wanted) - 1}
    weights = [_blocks(wanted) for wanted in files]
    for wanted in chosen.choices(files, weights, k=RANDOM_BLOCKS) if any(weights) else ():
        blocks.setdefault(wanted.path, set()).add(chosen.randrange(_blocks(wanted)))
    sizes = {wanted.path: wanted.bytes for wanted in files}
    return {
        path: tuple(
            (place * BLOCK_BYTES, min(BLOCK_BYTES, sizes[path] - place * BLOCK_BYTES))
            for place in sorted(places)
        )
        for path, places in blocks.items()
    }


def cost(ranges: Ranges) -> int:
    """Return the bytes of the ranges."""
    return sum(length for parts in ranges.values() for _, length in parts)


def _blocks(wanted: Wanted) -> int:
    return -(-wanted.bytes // BLOCK_BYTES)
