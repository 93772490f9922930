"""Bring GPU nodes to a described state over SSH."""

__all__ = ["__version__"]

__version__ = "0.1.0"
