"""BAK-007 and BAK-008: the key can be found when it is needed, and nobody else may write."""

import re
from collections.abc import Iterator

from checks.api import (
    Owner,
    Past,
    Rule,
    Text,
    Thresholds,
    Verdict,
    critical,
    not_applicable,
    ok,
    warning,
)
from checks.backup._term import outside_term
from checks.backup_sets import BackupFacts
from checks.wording import listing


class NoThresholds(Thresholds, frozen=True):
    """Nothing to tune: it is so, or it is not."""


_ESCROWED = Text("密钥已托管", "the key is in escrow")
_NO_ESCROW = Text(
    "备份是加密的，但没有登记密钥存放在何处：主机损毁后将无法解密任何备份。",
    "The backups are encrypted, and nothing says where their key is kept: without this host none "
    "of them could be read.",
)
_PLAIN = Text("没有发现备份加密的迹象，无需托管密钥。", "Nothing shows that it is encrypted.")
_OWN_ONLY = Text("仅备份账户可写", "only the backup account may write")
_REMOTE = Text("备份位置不是本机文件夹。", "The place is no folder of this host.")
_OTHERS = Text(
    "除备份账户外，其他人也能改写 {place} 中的备份：{who}。",
    "Others than the backup account may change what is in {place}: {who}.",
)
_EVERYONE = re.compile(r"mode 0?[0-7]*[2367]\b|\beveryone\b|\bS-1-1-0\b|(^|\s)\*(\s|\(|$)", re.I)


def escrow(
    facts: BackupFacts, _thresholds: NoThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge whether the key of an encrypted set is kept elsewhere, too."""
    outside = outside_term(facts.declaration, past.observed_at)
    if outside is not None:
        yield outside
        return
    encrypted = facts.encrypted or any(point.encrypted for point in facts.points)
    noted = facts.declaration.key_escrow
    if not encrypted:
        yield not_applicable("", _PLAIN)
    elif noted:
        yield ok("", Text.same(noted), _ESCROWED)
    else:
        yield critical("", Text("未登记", "not noted"), _ESCROWED, _NO_ESCROW)


def writers(
    facts: BackupFacts, _thresholds: NoThresholds, past: Past[BackupFacts]
) -> Iterator[Verdict]:
    """Judge who may write where the backups lie."""
    outside = outside_term(facts.declaration, past.observed_at)
    if outside is not None:
        yield outside
        return
    destination = facts.destination
    if destination is None:
        yield not_applicable("", _REMOTE)
        return
    others = list(destination.writable_by_others)
    if not others:
        yield ok("", _OWN_ONLY, _OWN_ONLY)
        return
    who = listing(others)
    everyone = any(_EVERYONE.search(entry) for entry in others)
    message = _OTHERS.format(place=facts.declaration.place, who=who)
    yield (critical if everyone else warning)("", Text.same(who), _OWN_ONLY, message)


ESCROW = Rule(
    code="BAK-007",
    title=Text("加密密钥托管", "Escrow of the encryption key"),
    why=Text(
        "加密备份的密码或密钥若只保存在被备份的主机上，主机损毁后备份就成了无法打开的文件。",
        "If password or key of an encrypted backup are on the host alone that it protects, they "
        "are lost with it, and the backup can't be opened.",
    ),
    remedy=Text(
        "把密码、密钥文件或证书私钥另存一份到保险柜或密码管理系统，由两人保管，"
        "并在代理设置的 key_escrow 中登记存放处和日期。",
        "Keep password, key file or private key a second time in a safe or a vault, known to two "
        "people, and note where and since when as key_escrow in the agent's settings.",
    ),
    priority=2,
    thresholds=NoThresholds,
    evaluate=escrow,
    owner=Owner.SERVICE_ENGINEER,
)

WRITERS = Rule(
    code="BAK-008",
    title=Text("备份目录的写权限", "Who may write the backups"),
    why=Text(
        "勒索软件会先找到并加密可写的备份共享；备份目录人人可写，等于没有备份。",
        "Ransom software looks for backup shares that it can write and encrypts them first; a "
        "folder that everybody may write is no backup.",
    ),
    remedy=Text(
        "收回目录和共享上多余的写权限（chmod o-w、去掉 Everyone 和 Domain Users），"
        "只留备份账户可写；共享不要长期映射；异地副本使用只追加或不可变存储。",
        "Take away the rights to write that are not needed (chmod o-w, no Everyone, no Domain "
        "Users), leave the backup account alone; don't keep the share mapped; keep the offsite "
        "copy append-only or immutable.",
    ),
    priority=2,
    thresholds=NoThresholds,
    evaluate=writers,
)
