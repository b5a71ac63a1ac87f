"""What was measured, for people: the card, the page, the words for it."""
