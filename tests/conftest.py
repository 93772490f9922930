"""What all tests share."""

from __future__ import annotations

from tests.labfixture import lab, lab_host, labs, pytest_runtest_setup

__all__ = ["lab", "lab_host", "labs", "pytest_runtest_setup"]
