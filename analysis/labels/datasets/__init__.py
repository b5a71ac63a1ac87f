"""Datasets: what a query finds, what counts as a label, and which images teach."""
