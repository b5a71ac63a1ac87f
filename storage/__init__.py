"""What is kept and where: settings, tables, objects and images.

This package imports none of the others; everything else reads and writes through it.
"""
