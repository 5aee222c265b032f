"""Backup sets that were tried and never could be looked at: not even what they promise is known."""

from collector.reports.source import Source, shortened

CHECK = "backup.restore_points"
"""The check whose targets are backup sets."""


def unseen(source: Source) -> list[str]:
    """Return where such sets are: they have verdicts, and nothing else."""
    known = {(shown.host, shown.name) for shown in source.material.backups}
    return list(
        dict.fromkeys(
            source.place(host.name, row.object)
            for host in source.material.hosts
            for row in host.verdicts
            if row.check == CHECK
            and row.object
            and not any(
                host.name == at and f"{row.object}: ".startswith(f"{name}: ") for at, name in known
            )
        )
    )


def unseen_sentence(source: Source) -> str:
    """Return the sentence on them; empty where there is none."""
    found = unseen(source)
    if not found:
        return ""
    return source.voice.words(
        "{count} backup sets are declared but could never be looked at: {names}. Nothing is known "
        "of them, which is a risk by itself; the reasons stand in the results.",
        count=len(found),
        names=source.voice.together([shortened(name, 40) for name in found]),
    )
