"""Appendix D: the words of the report."""

from collector.reports.blocks import Cell, Column, Table
from collector.reports.source import Source
from collector.reports.words import to_translate

WORDS = (
    (to_translate("check"), to_translate("One reading of one subject with the rules to judge it.")),
    (
        to_translate("probe"),
        to_translate("The half of a check that runs on the host: it reads and never writes."),
    ),
    (to_translate("facts"), to_translate("Raw values with their units; never a conclusion.")),
    (
        to_translate("check item (rule)"),
        to_translate("What judges the facts; it has a code that stays the same for ever."),
    ),
    (
        to_translate("observation"),
        to_translate("The facts of one check at one time, or the reason why there are none."),
    ),
    (to_translate("inspection"), to_translate("One run of the agent: many observations.")),
    (to_translate("result (verdict)"), to_translate("The state of one object under one item.")),
    (
        to_translate("finding"),
        to_translate("A result that is not well, followed over the inspections."),
    ),
    (
        to_translate("policy"),
        to_translate("Thresholds in layers; each value knows which layer set it."),
    ),
    (
        to_translate("waiver"),
        to_translate("A finding accepted by a named person until a date."),
    ),
    (
        to_translate("health score"),
        to_translate("How well what was judged is, from 0 to 100 (appendix B)."),
    ),
    (
        to_translate("coverage"),
        to_translate("How much of what applies could be judged at all (appendix B)."),
    ),
    (to_translate("not run"), to_translate("Could not be read. Never counted as normal.")),
    (
        to_translate("out of date"),
        to_translate("Read by an earlier inspection; the newest has nothing newer."),
    ),
    (
        to_translate("batch"),
        to_translate("What the agent sends at once; it is kept with its SHA-256."),
    ),
    (
        to_translate("backup day"),
        to_translate(
            "From the start of a set's window to its next start, in the set's time zone; a "
            "restore point belongs to the day in which it was begun."
        ),
    ),
    (
        to_translate("restore point"),
        to_translate("A moment that the data could be brought back to from one backup."),
    ),
    (
        to_translate("offsite copy"),
        to_translate("The same restore point on another host at another place."),
    ),
    (
        to_translate("restore drill"),
        to_translate("A restore point is brought back in a scratch place and looked at there."),
    ),
    (
        "RPO",
        to_translate(
            "How much work may be lost, as time: agreed; reached is the longest time between two "
            "good restore points."
        ),
    ),
    (
        "RTO",
        to_translate("How long bringing the data back takes: measured in a restore drill."),
    ),
)


def glossary(source: Source) -> Table:
    """Return the table of words."""
    words = source.voice.words
    return Table(
        words("Words of this report"),
        (Column(words("Word"), 1), Column(words("Meaning"), 4)),
        tuple((Cell(words(word)), Cell(words(meaning))) for word, meaning in WORDS),
    )
