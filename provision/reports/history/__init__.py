"""Every run, kept in SQLite: written beside the run, read by reports."""

from provision.reports.history.reading import History, RunLine
from provision.reports.history.store import default_path
from provision.reports.history.writing import HistoryWriter

__all__ = ["History", "HistoryWriter", "RunLine", "default_path"]
