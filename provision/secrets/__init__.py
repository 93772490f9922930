"""Encrypted files and values, and what keeps secrets out of everything printed or stored."""

from __future__ import annotations

from provision.secrets.redact import MASK, Redactor
from provision.secrets.values import SecretStr, VaultValue, reveal
from provision.secrets.vault import VaultSecrets, yaml_tags

__all__ = ["MASK", "Redactor", "SecretStr", "VaultSecrets", "VaultValue", "reveal", "yaml_tags"]
