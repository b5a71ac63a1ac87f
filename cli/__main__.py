"""`python -m cli …`: what `artworks …` does, for programs to start."""

from __future__ import annotations

from cli.main import main

if __name__ == "__main__":
    main()
