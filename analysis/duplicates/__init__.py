"""Images that look the same: near-duplicates by perceptual hash."""
