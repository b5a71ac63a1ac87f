"""Comparing the database with the object store, and mending what is safe to mend.

What is found has a documented code (`docs/verify.md`). Everything is streamed: the store's listing
beside the rows in the same order, so that a million images take no more memory than a thousand.

A crawl may be running. Objects are put before their rows, so rows are read before the listing, and
whatever looks wrong is asked for again before it is told.
"""

from storage.verification.findings import CODES, Code, Finding, Repair, Repaired

__all__ = ["CODES", "Code", "Finding", "Repair", "Repaired"]
