"""Checking and storing images in processes of their own.

Decoders are the part of a crawler that strangers' bytes reach deepest. In a process of its own a
decoder cannot take the crawl down with it, and it does not compete with the event loop for
Python's interpreter lock.
"""
