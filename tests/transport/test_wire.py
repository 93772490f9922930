"""What we rely on below Paramiko's public surface is still there, and importing is cheap."""

from __future__ import annotations

import inspect
import subprocess
import sys

import paramiko
import pytest
from paramiko import auth_handler, packet, transport

BELOW = {
    paramiko.Channel: (
        "_check_add_window _close_internal _feed _feed_extended _handle_close _handle_eof "
        "_handle_request _request_failed _request_success _set_closed _set_remote_channel "
        "_set_transport _set_window _window_adjust"
    ),
    transport.ServiceRequestingTransport: (
        "_channel_handler_table _check_banner _filter_algorithm _next_channel "
        "_parse_channel_open_failure _parse_debug _parse_disconnect _sanitize_packet_size "
        "_sanitize_window_size _send_message _send_user_message _unlink_channel ensure_session "
        "preferred_keys"
    ),
    auth_handler.AuthOnlyHandler: "_parse_userauth_failure send_auth_request",
    packet.Packetizer: "complete_handshake readline start_handshake",
}


@pytest.mark.parametrize("owner", BELOW, ids=lambda owner: str(owner.__name__))
def test_what_we_override_exists(owner: type) -> None:
    missing = [name for name in BELOW[owner].split() if not hasattr(owner, name)]
    assert missing == []


def test_our_dispatch_covers_paramikos() -> None:
    from provision.transport.wire import Wire

    theirs = paramiko.Transport._channel_handler_table  # type: ignore[attr-defined]
    assert Wire._channel_handler_table.keys() == theirs.keys()


def test_handlers_take_what_we_pass() -> None:
    expected = {"_set_remote_channel": ["self", "chanid", "window_size", "max_packet_size"]}
    for name, parameters in expected.items():
        found = inspect.signature(getattr(paramiko.Channel, name))
        assert list(found.parameters) == parameters


def test_importing_the_connector_imports_nothing_heavy() -> None:
    script = (
        "import sys, provision.transport.ssh, provision.transport.local, "
        "provision.transport.become, provision.transport.fake, provision.transport.forward; "
        "print([m for m in ('paramiko', 'fabric', 'invoke', 'cryptography') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
