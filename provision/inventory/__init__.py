"""Hosts, groups, their variables and where each comes from."""

from __future__ import annotations

from provision.inventory.connection import ConnectionVars, connection_vars
from provision.inventory.inventory import Inventory
from provision.inventory.model import Group, Host, Layer
from provision.inventory.sources import load_inventory

__all__ = [
    "ConnectionVars",
    "Group",
    "Host",
    "Inventory",
    "Layer",
    "connection_vars",
    "load_inventory",
]
