"""The report of a run: its numbers, its files and its page."""

from quant_engine.report.report import Report, build_report, report_from_directory

__all__ = ["Report", "build_report", "report_from_directory"]
