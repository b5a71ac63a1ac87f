"""Colour classes: what a crawl calls red or blue, learned from the statistics of the channels."""

HEAD = "color"
"""The head of `image_labels` and `models` that all of this is about."""
