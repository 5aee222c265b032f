"""A batch that came from a host: whether it is what this visit asked for."""

from agent.chain import Sealed
from agent.errors import RemoteError
from agent.remote.lines import Fetch
from agent.remote.order import Order
from checks.api import Text
from wire.batch import LIMITS, Batch, digest_of, open_batch
from wire.control import BATCH
from wire.errors import WireError
from wire.messages import Header
from wire.signing import key_id, verify

_WRONG_BATCH = Text(
    "目标主机发来的批次 {seq} 未通过验证（{detail}）：不予接受",
    "batch {seq} from the host does not hold ({detail}): it was not taken",
)


def checked(
    message: Fetch, public_key: bytes, order: Order, last: tuple[Header, str] | None
) -> tuple[Sealed, Header]:
    """Return a batch with its header. Raise RemoteError where anything about it is wrong.

    It has to be signed with the host's key, of the agent and the session of the order, and to
    follow the `last` one, which is given with its digest; without one it is the first of its epoch.
    """

    def wrong(detail: str) -> RemoteError:
        return RemoteError(_WRONG_BATCH.format(seq=message.seq, detail=detail[:500]))

    try:
        if message.key_id != key_id(public_key):
            raise wrong("another key")
        verify(public_key, BATCH, message.payload, message.signature)
        opened = open_batch(message.payload, LIMITS)
    except WireError as error:
        raise wrong(str(error)) from error
    header = opened.header
    if (message.epoch, message.seq) != (header.epoch, header.seq):
        raise wrong("its place is not what its header says")
    before, digest = last or (None, None)
    for name, found, expected in (
        ("agent", header.agent, order.agent),
        ("session", header.inspection.remote, order.remote),
        ("epoch", header.epoch, header.epoch if before is None else before.epoch),
        ("number", header.seq, 1 if before is None else before.seq + 1),
        ("chain", header.previous, digest),
    ):
        if found != expected:
            raise wrong(f"another {name}")
    if opened.rejected:
        raise wrong(opened.rejected[0].reason)
    batch = Batch(message.payload, digest_of(message.payload))
    place = (header.agent, header.epoch, header.seq)
    return Sealed(*place, batch, message.key_id, message.signature), header
