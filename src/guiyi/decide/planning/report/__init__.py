"""The report of a plan: one self-contained page, in both languages, that prints well."""

from guiyi.decide.planning.report.page import render_report, render_report_body, report_css

__all__ = ["render_report", "render_report_body", "report_css"]
