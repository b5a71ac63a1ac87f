"""`python -m demo` opens the museum."""

from demo.server import main

if __name__ == "__main__":
    raise SystemExit(main())
