"""What the file actions share: their common arguments, and content on its way to a host."""
