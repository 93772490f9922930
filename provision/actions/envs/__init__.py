"""Controller halves that the actions for environments share."""
