"""What the actions on services share."""
