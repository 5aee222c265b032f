"""Take a receipt in: what the collector has stored may be deleted here."""

from pathlib import Path

from msgspec import Struct

from agent import bundle_messages, enrolment, identity
from agent.errors import BundleError
from agent.identity import Identity
from agent.spool import Spool
from wire import envelope
from wire.bundle import LARGEST_RECEIPT_BYTES
from wire.control import RECEIPT, Receipt
from wire.errors import WireError
from wire.messages import Acknowledgement, Standing


class Taken(Struct, frozen=True):
    """What came of a receipt."""

    file: str
    confirmed: int
    """Batches that were deleted now."""
    known: int
    """Batches that were not here any more."""
    waiting: int
    """Batches that are still here."""
    forked: bool
    """A new epoch was begun: the collector had other batches at the same places."""
    key_confirmed: bool
    pending: bool
    """The agent is not approved yet."""


def take_in(spool: Spool, state: Path, file: str) -> Taken:
    """Do what a receipt says, as often as it comes. Raise BundleError for one that is not ours."""
    known = identity.load(state)
    receipt = read(known, file)
    confirmed_key = False
    for rotated in receipt.rotated:
        # An older one was confirmed before, and another key is in place already.
        if known.rotation is not None and rotated.key_id == known.key.id:
            known = enrolment.take_over(state, rotated)
            confirmed_key = True
    ours = [each for each in receipt.acknowledgements if each.agent == known.agent]
    # First the epoch: an interruption between the two must not lose it.
    forked = _is_forked(spool, ours)
    if forked:
        spool.new_epoch()
    confirmed = sum(spool.acknowledge(each) for each in ours)
    return Taken(
        file,
        confirmed,
        len(ours) - confirmed,
        len(spool.pending()),
        forked,
        confirmed_key,
        any(each.standing is Standing.PENDING for each in ours),
    )


def read(known: Identity, file: str) -> Receipt:
    """Return the receipt in a file, signed by our collector and for us. Raise BundleError."""
    try:
        with Path(file).open("rb") as opened:
            body = opened.read(LARGEST_RECEIPT_BYTES + 1)
    except OSError as error:
        detail = error.strerror or str(error)
        raise BundleError(
            bundle_messages.RECEIPT_UNREADABLE.format(file=file, detail=detail)
        ) from error
    try:
        receipt = envelope.disclose(
            body, RECEIPT, Receipt, known.collector_keys, LARGEST_RECEIPT_BYTES
        )
    except WireError as error:
        detail = str(error).rstrip(".")
        raise BundleError(bundle_messages.NO_RECEIPT.format(file=file, detail=detail)) from error
    if receipt.agent != known.agent:
        raise BundleError(
            bundle_messages.RECEIPT_OF_OTHER.format(file=file, agent=receipt.agent[:12])
        )
    return receipt


def _is_forked(spool: Spool, answers: list[Acknowledgement]) -> bool:
    """Tell whether what still waits in the epoch of now was forked."""
    epoch = spool.epoch
    waiting = {place.seq for place in spool.pending() if place.epoch == epoch}
    return any(each.forked and each.epoch == epoch and each.seq in waiting for each in answers)
