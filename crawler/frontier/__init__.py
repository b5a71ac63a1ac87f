"""The frontier: every page known, who may fetch it now, and what became of it."""
