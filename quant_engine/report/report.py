"""The report of one run: made from its record, saved to a directory, read back from there."""

from __future__ import annotations

from pathlib import Path

import msgspec

from quant_contracts.record import RunRecord
from quant_engine.report.analysis import Analysis, analyse
from quant_engine.report.summary import Summary, summarise
from quant_engine.report.text import headline_text


class Report(msgspec.Struct, frozen=True, eq=False):
    """What a run came to. Made by `build_report`."""

    analysis: Analysis
    summary: Summary
    """Every number, typed and ready to be encoded."""

    @property
    def record(self) -> RunRecord:
        """The run itself."""
        return self.analysis.record

    def text(self) -> str:
        """The headline as a few lines for a terminal."""
        return headline_text(self.summary)

    def html(self) -> str:
        """The page: one file that needs no other and no network."""
        from quant_engine.report.html import render_page  # noqa: PLC0415 - only who wants a page pays for it

        return render_page(self.analysis, self.summary)

    def save(self, directory: str | Path) -> Path:
        """Write the report's directory and return its path.

        The files appear together or not at all. A report that is already there is replaced; a
        directory that holds anything else is left alone with a `StorageError`.
        """
        from quant_engine.report.files import save  # noqa: PLC0415 - building a report does not need it

        return save(self, Path(directory))


def build_report(record: RunRecord) -> Report:
    """The report of a run; raises `ContractBroken` when the record's books do not add up."""
    analysis = analyse(record)
    return Report(analysis, summarise(analysis))


def report_from_directory(directory: str | Path) -> Report:
    """The report saved in a directory, made anew from the record in it.

    Raises `ConfigError` for a directory that is no report and `DataError` for one with a file that is
    missing or not as it was saved.
    """
    from quant_engine.report.files import load  # noqa: PLC0415 - building a report does not need it

    return build_report(load(Path(directory)))
