"""What is like what: composition, colour and meaning, one by one and together."""
