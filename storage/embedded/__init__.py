"""Services that live on this machine and need no administrator: PostgreSQL, Splash, S3, Chromium.

`EmbeddedPostgres` is a database in a folder. `install_services`, `up`, `down` and `status` handle
the others, started as daemons on free loopback ports with their state in `HOME/services`.
"""
