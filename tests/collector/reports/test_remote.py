"""Remote sessions in the report: counted, with their work records; what is lacking says so."""

from dataclasses import replace

from collector.reports.blocks import Block, Chapter, Paragraph, Table
from collector.reports.compose import compose
from collector.reports.material import Material
from collector.reports.words import Language
from tests.collector.reports.remote_sample import LEFT_OUT, SESSIONS, remote
from tests.collector.reports.sample import small


def blocks(material: Material, number: str, language: Language = Language.CHINESE) -> list[Block]:
    """Return the blocks of one chapter, with those of its parts."""
    report = compose(material, language)

    def of(chapter: Chapter) -> list[Block]:
        found: list[Block] = []
        for each in chapter.blocks:
            found += of(each) if isinstance(each, Chapter) else [each]
        return found

    return next(of(chapter) for chapter in report.chapters if chapter.number == number)


def texts(found: list[Block]) -> str:
    """Return every text of some blocks."""
    told = []
    for block in found:
        if isinstance(block, Paragraph):
            told.append(block.text)
        elif isinstance(block, Table):
            told += [block.caption, *(cell.text for row in block.rows for cell in row)]
    return "\n".join(told)


def test_no_session_is_said() -> None:
    assert "本期无远程会话" in texts(blocks(small(), "14"))
    assert "本期没有以远程会话进行的巡检" in texts(blocks(small(), "13"))
    assert "附录 C" not in texts(blocks(small(), "3"))


def test_sessions_are_counted_and_told_with_their_work_records() -> None:
    told = texts(blocks(remote(), "14"))
    assert "远程会话 4 次，共 36 分钟；其中 1 次已填写远程工单" in told
    for part in ("归档目录 /backup/arch", "58%", "归档清理任务", "李主任", "恢复演练通过"):
        assert part in told, part
    lacking = "、".join(f"{row.id[:12]} (erp-db-01)" for row in SESSIONS if row.work is None)
    assert f"未填写远程工单的会话：{lacking}" in told
    for part in ("不完整", "核验不符", "授权已过期", "事后由 王经理 追认", "未收到结束声明"):
        assert part in told, part


def test_a_change_without_a_proof_says_so() -> None:
    unproved = replace(SESSIONS[1], proof="")
    told = texts(blocks(replace(remote(), sessions=(unproved,)), "14", Language.ENGLISH))
    assert "no backup was proved good before the change" in told


def test_remote_inspections_are_marked_and_what_they_left_out_is_told() -> None:
    material = remote()
    assert "2 次经客户授权以远程会话进行" in texts(blocks(material, "3"))
    appendix = texts(blocks(material, "C"))
    for part in ("张工", "代理包", SESSIONS[0].id[:12], SESSIONS[0].grant[:12]):
        assert part in appendix, part
    limits = texts(blocks(material, "13"))
    assert "客户授权未涵盖：config" in limits
    assert "挂载点、软件清单" in limits
    covered = texts(blocks(replace(material, left_out=()), "13"))
    assert "授权涵盖了全部检查" in covered
    assert LEFT_OUT[0].title.zh not in covered.split("授权涵盖")[1]
