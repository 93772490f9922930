"""Environment files, locks, solving and comparing: what is known of conda without a host."""
