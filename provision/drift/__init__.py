"""What has drifted: verdicts on results, deviations that somebody has accepted."""
