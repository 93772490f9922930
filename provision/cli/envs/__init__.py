"""The commands of `provision env`, one file each."""
