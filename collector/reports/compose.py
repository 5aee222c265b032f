"""Compose the report: material in, one frozen value out. Pure: no clock, no files of its own."""

from zoneinfo import ZoneInfo

from checks.api import Chapter as Part
from collector.reports.blocks import Labels, Report
from collector.reports.chapters.appendix import appendices
from collector.reports.chapters.areas import area
from collector.reports.chapters.backup.chapter import backups
from collector.reports.chapters.capacity import capacity
from collector.reports.chapters.closing import service, signatures
from collector.reports.chapters.conclusion import conclusion
from collector.reports.chapters.findings import findings, follow_up
from collector.reports.chapters.front import cover, document_control
from collector.reports.chapters.hosts import hosts
from collector.reports.chapters.instances import instances
from collector.reports.chapters.limits import limits
from collector.reports.chapters.overview import overview, scope
from collector.reports.chapters.products import products
from collector.reports.material import Material
from collector.reports.printable import all_printable
from collector.reports.source import Source
from collector.reports.words import Language, Voice


def compose(material: Material, language: Language = Language.CHINESE) -> Report:
    """Return the report of the material: every section of the catalogue's §5.2, in its order.

    Raises zoneinfo.ZoneInfoNotFoundError when the cover names a time zone that does not exist.
    """
    voice = Voice(language, ZoneInfo(material.cover.time_zone))
    source = Source(material, voice, {rule.code: rule for rule in material.rules})
    words = voice.words
    report = Report(
        language=language.value,
        generated_on=material.cover.generated_on,
        cover=cover(source),
        labels=Labels(
            contents=words("Contents"),
            page=words("Page {page} of {total}"),
            skip=words("Skip to the contents"),
            picture=words("Figure"),
            by_hand=words("to be filled in by hand"),
        ),
        front=(document_control(source),),
        chapters=(
            overview(source),
            conclusion(source),
            scope(source),
            follow_up(source),
            hosts(source),
            area(source, Part.PATCH),
            area(source, Part.DATABASE, instances(source)),
            backups(source),
            products(source),
            area(source, Part.SECURITY),
            capacity(source),
            findings(source),
            limits(source),
            service(source),
            signatures(source),
            *appendices(source),
        ),
    )
    printable: Report = all_printable(report)
    return printable
