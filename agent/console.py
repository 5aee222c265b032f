"""Where the agent prints: sentences for a person, or JSON lines for a program."""

import os
import sys

import msgspec

from agent import messages, redaction
from agent.events import (
    BatchDead,
    BatchesSealed,
    BatchKept,
    BatchSplit,
    BatchUploaded,
    CheckObserved,
    DeliveryForbidden,
    DeliveryPaused,
    EpochForked,
    Event,
    RunFinished,
    SpoolDamaged,
    SpoolOutdated,
)
from checks import wording
from checks.api import Text
from wire.messages import Failure, Reason


class Console:
    """Standard output and standard error in one language.

    A reader that has gone away (`| head`) is no reason to stop an inspection: what can't be
    printed any more is dropped.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        for stream in (sys.stdout, sys.stderr):
            # A terminal in another encoding shows a mark, not a UnicodeEncodeError.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")

    def words(self, text: Text) -> str:
        """Return the text in the language of this console."""
        return messages.spoken(text, self.language)

    def say(self, text: Text | str) -> None:
        """Print a line."""
        self._out(redaction.clean(text if isinstance(text, str) else self.words(text)))

    def json(self, value: object) -> None:
        """Print a value as one line of JSON, at once."""
        line = redaction.clean_json(msgspec.json.encode(value))
        self._out(line.decode("utf-8", "replace"))

    def complain(self, text: Text) -> None:
        """Print a sentence on standard error."""
        sentence = redaction.clean(self.words(text))
        print(f"xunjian-agent: {sentence}", file=sys.stderr, flush=True)

    def tell(self, event: Event) -> None:
        """Print what happens in a run, for a person."""
        sentence = _sentence(event)
        if sentence is not None:
            self.say(sentence)

    def follow(self, text: Text, prefix: str = "") -> None:
        """Print what is going on, on standard error: the output is for what came of it."""
        print(redaction.clean(prefix + self.words(text)), file=sys.stderr, flush=True)

    def accompany(self, event: Event, prefix: str = "") -> None:
        """Print what happens in a run that is made elsewhere, likewise."""
        sentence = _sentence(event)
        if sentence is not None:
            self.follow(sentence, prefix)

    def _out(self, line: str) -> None:
        try:
            print(line, flush=True)
        except BrokenPipeError:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)


def _sentence(event: Event) -> Text | None:
    match event:
        case SpoolOutdated(moved_to=file):
            return messages.SPOOL_OUTDATED.format(file=file)
        case SpoolDamaged(moved_to=file):
            return messages.SPOOL_DAMAGED.format(file=file)
        case CheckObserved(check=check, failure=failure, done=done, total=total, cached=read_at):
            result = messages.DONE
            if read_at is not None:
                result = messages.CACHED.format(at=f"{read_at.astimezone():%Y-%m-%d %H:%M}")
            elif failure is not None:
                result = wording.reason(Failure(Reason(failure)))
                result = Text(result.zh.rstrip("：: "), result.en.rstrip("：: "))
            return messages.RUN_CHECKED.format(done=done, total=total, check=check, result=result)
        case BatchUploaded(seq=seq):
            return messages.RUN_UPLOADED.format(seq=seq)
        case BatchKept(seq=seq, why=why):
            return messages.RUN_KEPT.format(seq=seq, why=why)
        case EpochForked(seq=seq):
            return messages.RUN_FORKED.format(seq=seq)
        case BatchSplit(seq=seq, into=into):
            return messages.RUN_SPLIT.format(seq=seq, into=into)
        case BatchDead(seq=seq, why=why):
            return messages.RUN_DEAD.format(seq=seq, why=why)
        case DeliveryForbidden(why=why):
            return Text.same(why)
        case DeliveryPaused(until=until, why=why):
            at = f"{until.astimezone():%Y-%m-%d %H:%M:%S}"
            return messages.RUN_PAUSED.format(until=at, why=why)
        case RunFinished(inspection=name, collected=collected, total=total, pending=pending):
            return messages.RUN_FINISHED.format(
                inspection=name, collected=collected, total=total, pending=pending
            )
        case BatchesSealed() | _:
            return None
