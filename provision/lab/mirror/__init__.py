"""The lab's offline mirror: all that hosts without a way out install from.

A real conda channel built from Debian's packages and from wheels, a stand-in for the Miniconda
installer, and proxies for the package index and the Debian archives that this machine's pip and
apt are configured with. docs/lab-mirror.md describes it.
"""

from __future__ import annotations

from provision.lab.mirror.builds import Built, build
from provision.lab.mirror.daemon import Mirror, start, stop

__all__ = ["Built", "Mirror", "build", "start", "stop"]
