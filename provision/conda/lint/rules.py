"""All rules, in the order in which their findings of one line are told."""

from __future__ import annotations

from provision.conda.lint import channels, heads, packages, piplines
from provision.conda.lint.model import Rule

__all__ = ["RULES"]

RULES = (
    Rule("path-name", "error", "a path as the environment's name", heads.path_name),
    Rule("name-convention", "warning", "a name that breaks the convention", heads.name_convention),
    Rule("no-name", "note", "no name", heads.name_convention),
    Rule("prefix", "warning", "the directory it was exported from", heads.prefix),
    Rule("unread-key", "note", "a key that conda does not read", heads.unread_keys),
    Rule("channel-token", "error", "a token or password in a channel", channels.credentials),
    Rule("nodefaults", "error", "`nodefaults` as a channel", channels.nodefaults),
    Rule("local-channel", "error", "a channel on one machine's disk", channels.local),
    Rule("no-channels", "warning", "no channels", channels.missing),
    Rule("mixed-channels", "warning", "defaults beside conda-forge", channels.mixed),
    Rule("default-terms", "warning", "channels under terms of service", channels.default_terms),
    Rule("unlisted-channel", "note", "a spec of a channel not listed", channels.unlisted),
    Rule("platform-only", "warning", "packages of other platforms", packages.platform_only),
    Rule("platform-build", "warning", "builds of one platform", packages.platform_builds),
    Rule("gpu-build", "warning", "builds for CUDA", packages.gpu_builds),
    Rule("owned-twice", "error", "conda and pip both bring it", packages.owned_twice),
    Rule("repeated", "warning", "asked for twice", packages.repeated),
    Rule("unpinned", "note", "no version", packages.unpinned),
    Rule("pip-unasked", "warning", "a pip section without pip", piplines.pip_unasked),
    Rule("pip-git", "error", "built from a repository", piplines.git),
    Rule("pip-editable", "error", "an editable install", piplines.editable),
    Rule("pip-path", "error", "a path on one machine", piplines.somewhere),
    Rule("local-version", "error", "+cuXXX without its index", piplines.local_versions),
    Rule("index-token", "error", "a password in an index's address", piplines.index_credentials),
    Rule("secret-variable", "error", "a secret as a variable", heads.secret_variables),
    Rule("machine-variable", "warning", "a variable with a path", heads.machine_variables),
    Rule("encoding", "error", "text that conda cannot read", lambda _: iter(())),
    Rule("unreadable", "error", "no environment file", lambda _: iter(())),
)
