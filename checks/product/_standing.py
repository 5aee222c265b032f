"""APP-004 and APP-015: each account set has its database, and none is there for trying out."""

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
from checks.product._books import Book, Facts
from checks.product._databases import ONLINE

_HERE = Text("存在且在线", "there and online")
_NONE_DEMO = Text("无演示账套", "no demo account set")


def named(facts: Facts, code: str) -> str:
    """Return code and name of an account set as a person reads them: `001 总公司`."""
    return next((f"{each.code} {each.name}" for each in facts.sets if each.code == code), code)


def mapping(facts: Facts, _thresholds: Thresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge the database of each account set, and databases that belong to none."""
    if not facts.sets:
        message = Text(
            "账套查询没有返回任何账套：请核对产品包中的查询和账号权限。",
            "The query gave no account set: look at the pack's query and the rights of the login.",
        )
        yield warning("", Text("0 个账套", "0 account sets"), _HERE, message)
    for book in facts.books:
        yield _of_book(facts, book)
    for orphan in facts.orphans:
        message = Text(
            f"数据库 {orphan} 不属于任何账套：可能是已删除账套的残留，或账套登记丢失。",
            f"Database {orphan} belongs to no account set: it is left over from one that was "
            "deleted, or the registration of one is lost.",
        )
        yield warning(orphan, Text("无对应账套", "of no account set"), _HERE, message)


def _of_book(facts: Facts, book: Book) -> Verdict:
    name = named(facts, book.code)
    if not book.database:
        message = Text(
            f"账套 {name} 没有登记数据库。", f"No database is registered for account set {name}."
        )
        return critical(book.code, Text("未登记数据库", "no database"), _HERE, message)
    if not book.state:
        message = Text(
            f"账套 {name} 的数据库 {book.database} 不存在：该账套无法打开。",
            f"Database {book.database} of account set {name} is missing: it can't be opened.",
        )
        return critical(book.database, Text("数据库不存在", "missing"), _HERE, message)
    current = Text.same(book.state)
    if book.state != ONLINE:
        message = Text(
            f"账套 {name} 的数据库 {book.database} 状态为 {book.state}，用户无法使用。",
            f"Database {book.database} of account set {name} is {book.state}: users can't work.",
        )
        return critical(book.database, current, _HERE, message)
    return ok(book.database, current, _HERE)


def demo(facts: Facts, _thresholds: Thresholds, _past: Past[Facts]) -> Iterator[Verdict]:
    """Judge account sets that are there to try things out."""
    if not facts.demo_known:
        why = Text("产品包未声明演示账套。", "The pack does not say what a demo account set is.")
        yield not_applicable("", why)
        return
    found = [each for each in facts.sets if each.demo]
    for each in found:
        message = Text(
            f"正式环境中有演示账套 {each.code} {each.name}：其默认口令广为人知。",
            f"There is a demo account set in production, {each.code} {each.name}: its passwords "
            "are known to everyone.",
        )
        yield warning(each.code, Text.same(each.name), _NONE_DEMO, message)
    if not found:
        yield ok("", Text("无", "none"), _NONE_DEMO)


MAPPING = Rule(
    code="APP-004",
    title=Text("账套与数据库对应", "Account sets and their databases"),
    why=Text(
        "账套的数据库缺失或不在线，该账套就无法使用；没有账套的数据库占用空间，也常被漏掉备份。",
        "Without its database an account set can't be used; a database of no account set takes "
        "room and is often left out of backups.",
    ),
    remedy=Text(
        "数据库不在线：查看数据库错误日志后恢复在线；缺失：从备份恢复或更正账套登记。"
        "多余的数据库先备份并与用户确认，再决定是否删除。",
        "Not online: read the server's error log and bring it back; missing: restore it or put the "
        "registration right. Back up a database of no account set and ask before dropping it.",
    ),
    priority=1,
    thresholds=Thresholds,
    evaluate=mapping,
    owner=Owner.DATABASE_ADMINISTRATOR,
)
DEMO = Rule(
    code="APP-015",
    title=Text("演示账套", "Demo account sets"),
    why=Text(
        "演示账套的用户和口令是公开的，可被用来登录正式系统，也会误导查询和统计。",
        "Users and passwords of demo account sets are public: they open a door into production, "
        "and their figures mislead.",
    ),
    remedy=Text(
        "确认无人使用后，在系统管理中备份并删除演示账套；同时修改系统管理员（admin）的默认口令。",
        "Once nobody uses it, back up and delete the demo account set in the product's "
        "administration; change the default password of its administrator, too.",
    ),
    priority=2,
    thresholds=Thresholds,
    evaluate=demo,
    owner=Owner.APPLICATION_CONSULTANT,
)
