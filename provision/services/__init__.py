"""Model services: what one is, the systemd unit it becomes, how its health is asked for."""
