"""What is made of a run's events: text for people, JSON lines, JUnit, HTML, history."""
