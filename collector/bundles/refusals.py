"""Why a bundle is not taken, each as one sentence for the engineer who holds it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checks.api import Text
from collector.errors import BundleRefused
from wire.errors import Damaged, Newer, NotABundle, NotForUs, TooLarge, WireError

NOT_FOR_US = Text(
    "该数据包是导出给另一个采集端的，本采集端不能导入：请在主机登记的采集端导入。",
    "This bundle was written for another collector and is not taken here: import it at the one "
    "that the host is enrolled with.",
)
_REASONS: dict[type[WireError], Text] = {
    NotABundle: Text(
        "这不是巡检代理导出的数据包（.inspb）。", "This is no bundle of an agent (.inspb)."
    ),
    Newer: Text(
        "该数据包由更新版本的代理导出，请先升级采集端。",
        "A newer agent wrote this bundle: upgrade the collector first.",
    ),
    NotForUs: NOT_FOR_US,
    Damaged: Text(
        "数据包已损坏、不完整或被改动，未导入任何数据：请重新复制，或在主机上重新导出。",
        "The bundle is damaged, cut or was changed, nothing of it was imported: copy it again, or "
        "export it again on the host.",
    ),
    TooLarge: Text(
        "数据包中的长度超出上限，未导入任何数据：它不是由巡检代理正常导出的。",
        "The bundle tells lengths beyond the limits, nothing of it was imported: no agent wrote it "
        "like this.",
    ),
}
_UNREADABLE = Text(
    "数据包的内容无法识别，未导入任何数据：它不是由巡检代理正常导出的。",
    "The content of the bundle is not understood, nothing of it was imported: no agent wrote it "
    "like this.",
)
UNKNOWN_AGENT = Text(
    "数据包的签名者不是本采集端登记的代理，未导入任何数据：请确认该主机登记在本采集端。",
    "No agent that is enrolled here has signed this bundle, nothing of it was imported: look where "
    "the host is enrolled.",
)
REVOKED = Text(
    "导出该数据包的代理（{host}）已吊销，不再接收其数据，未导入任何数据。",
    "The agent that wrote this bundle ({host}) was revoked: nothing is taken from it any more.",
)
OTHER_CUSTOMER = Text(
    "该数据包属于客户“{owner}”，不是“{wanted}”，未导入任何数据。",
    "This bundle is of the customer {owner}, not of {wanted}; nothing of it was imported.",
)
WRONG_CUSTOMER = Text(
    "数据包中的客户与代理登记的客户不一致，未导入任何数据。",
    "The bundle names another customer than its agent is enrolled for; nothing was imported.",
)
WRONG_KEY = Text(
    "数据包中的密钥更换声明未被接受，未导入任何数据；如已记为告警，请用 alarms 查看。",
    "The change of keys in the bundle is not accepted, nothing was imported; look at `alarms`.",
)
WRONG_BATCH = Text(
    "数据包中纪元 {epoch} 的第 {seq} 批签名无效，或其密钥已停用，未导入任何数据。",
    "Batch {seq} of epoch {epoch} in the bundle has no valid signature, or its key was replaced; "
    "nothing of it was imported.",
)
WRONG_SESSION = Text(
    "数据包中的远程会话声明无效（签名、主机或会话不符），未导入任何数据。",
    "The bundle tells of a remote session that is not signed as it must be, or is of another host; "
    "nothing was imported.",
)
SESSION_DENIED = Text(
    "数据包来自未获准许的远程会话 {session}（{why}），未导入任何数据；会话已记录并告警。确认后用 "
    "session accept 追认，再导入一次。",
    "The bundle is of the remote session {session}, which is not permitted ({why}); nothing was "
    "imported, the session is on record. Take it in with session accept, then import it again.",
)
NO_SESSION = Text("这不是远程会话文件（.inspr）。", "This is no file of a remote session (.inspr).")
SESSION_INVALID = Text(
    "会话文件中的声明或记录签名无效，未导入任何数据。",
    "A statement or a part of the record in the file has no valid signature; nothing was imported.",
)
SESSION_CHANGED = Text(
    "该会话已以其他内容上报，保留先到的内容并已告警，未导入任何数据：请用 alarms 查看。",
    "This session came with another content before, which stays; it is reported, nothing was "
    "imported: look at `alarms`.",
)
NO_FILE = Text(
    "不是普通文件：请给出 .inspb 文件。", "This is no regular file: name an .inspb file."
)
TOO_LONG = Text(
    "文件超过 4 GiB，不是巡检代理导出的数据包。", "The file has more than 4 GiB: it is no bundle."
)
EMPTY = Text("文件为空：请重新复制。", "The file is empty: copy it again.")
UNREADABLE_FILE = Text("无法读取：{detail}。", "It can't be read: {detail}.")
NO_SCRATCH = Text(
    "解密所需的临时空间不可用（{folder}：{detail}），未导入任何数据：请腾出空间后重试。",
    "There is no room for decrypting it ({folder}: {detail}), nothing was imported: free some "
    "space and import it again.",
)


@contextmanager
def told() -> Iterator[None]:
    """Raise BundleRefused with a sentence for what is wrong with the bytes of a bundle."""
    try:
        yield
    except WireError as error:
        raise BundleRefused(_REASONS.get(type(error), _UNREADABLE)) from error
    except OSError as error:
        detail = error.strerror or str(error)
        raise BundleRefused(UNREADABLE_FILE.format(detail=detail)) from error


def of_file(path: Path, text: Text) -> Text:
    """Return a sentence with the file that it is about."""
    return Text(f"{path}：{text.zh}", f"{path}: {text.en}")
