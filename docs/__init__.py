"""The documentation, and what makes its pages from the code."""
