"""Ways of running a network, from the fastest to the one that all others have to agree with."""
