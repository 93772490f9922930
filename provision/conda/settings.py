"""The keys that a condarc may hold, and what kind of value each takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from provision.diagnostics import did_you_mean
from provision.errors import PlaybookError

__all__ = ["KNOWN", "Kind", "checked_settings"]

Kind = Literal["bool", "number", "text", "list", "map", "any"]

_BOOLS = """
add_anaconda_token add_pip_as_python_dependency allow_conda_downgrades allow_cycles
allow_non_channel_urls allow_softlinks always_copy always_softlink always_yes auto_activate
auto_update_conda changeps1 clobber debug dev download_only dry_run enable_private_envs
envvars_force_uppercase extra_safety_checks force force_32bit ignore_pinned json no_lock
non_admin_enabled notify_outdated_conda offline override_channels_enabled
prefix_data_interoperability protect_frozen_envs quiet register_envs report_errors
repodata_use_shards repodata_use_zst restore_free_channel rollback_enabled
separate_format_cache shortcuts show_channel_urls solver_ignore_timestamps
trace unsatisfiable_hints unsatisfiable_hints_check_depth use_index_cache use_local
use_only_tar_bz2 auto_activate_base always_yes pip_interop_enabled self_update
add_binstar_token softlink copy yes
"""
_NUMBERS = """
auto_stack default_threads execute_threads fetch_threads local_repodata_ttl
number_channel_notices remote_backoff_factor remote_connect_timeout_secs remote_max_retries
remote_read_timeout_secs repodata_threads verbosity verify_threads
"""
_TEXTS = """
channel_alias channel_priority client_ssl_cert client_ssl_cert_key console
default_activation_env default_python deps_modifier env_prompt environment_specifier
error_upload_url experimental_solver path_conflict root_prefix safety_checks sat_solver
signing_metadata_url_base solver subdir update_modifier bld_path croot client_cert
client_cert_key
"""
_LISTS = """
aggressive_update_packages allowlist_channels channels create_default_packages
default_channels denylist_channels disallowed_packages envs_dirs envs_path experimental
export_platforms list_fields migrated_channel_aliases pinned_packages pkgs_dirs preview
repodata_fns subdirs track_features whitelist_channels channel
"""
_MAPS = """
channel_settings conda_build custom_channels custom_multichannels exclude_newer_package
migrated_custom_channels plugins proxy_servers
"""
_ANYS = "ssl_verify verify_ssl exclude_newer anaconda_upload reporters"

KNOWN: Mapping[str, Kind] = {
    **dict.fromkeys(_BOOLS.split(), "bool"),
    **dict.fromkeys(_NUMBERS.split(), "number"),
    **dict.fromkeys(_TEXTS.split(), "text"),
    **dict.fromkeys(_LISTS.split(), "list"),
    **dict.fromkeys(_MAPS.split(), "map"),
    **dict.fromkeys(_ANYS.split(), "any"),
}

_BOOL_WORDS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with values in their kinds. Raises PlaybookError for a key that conda does
    not know or a value that cannot be meant."""
    checked = {}
    for key, value in settings.items():
        kind = KNOWN.get(str(key))
        if kind is None:
            raise PlaybookError(
                f"conda has no setting {str(key)!r}",
                mark=getattr(key, "mark", None),
                hint=did_you_mean(str(key), KNOWN),
            )
        checked[str(key)] = _in_kind(str(key), kind, value)
    return checked


def _in_kind(key: str, kind: Kind, value: Any) -> Any:
    wrong = PlaybookError(
        f"conda's {key!r} takes a {kind}, not {value!r}", mark=getattr(value, "mark", None)
    )
    if kind == "list":
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list | tuple) or any(isinstance(i, dict | list) for i in items):
            if key in ("channel_settings", "migrated_channel_aliases"):
                return value
            raise wrong
        return [str(item).strip() for item in items]
    if kind == "map":
        if isinstance(value, dict):
            return {str(name): inner for name, inner in value.items()}
        if key == "channel_settings" and isinstance(value, list):
            return value
        raise wrong
    if kind == "bool" and value is not None:
        if isinstance(value, str):
            value = _BOOL_WORDS.get(value.lower(), value)
        if not isinstance(value, bool):
            raise wrong
        return value
    if kind == "number":
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise wrong from None
        return int(number) if number.is_integer() else number
    if kind == "text":
        if isinstance(value, dict | list | bool):
            raise wrong
        return None if value is None else str(value)
    return value
