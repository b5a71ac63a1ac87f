"""How good similarity is: measures of rankings, tests without labels, and tests by people."""
