"""How many works have which labels, and which labels go together."""
