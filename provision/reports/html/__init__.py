"""A run as one HTML file that needs nothing else: no network, no script for the essentials."""

from provision.reports.html.page import RunPoint, render

__all__ = ["RunPoint", "render"]
