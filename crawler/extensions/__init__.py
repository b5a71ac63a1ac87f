"""Extensions: politeness, the run's log, progress."""
