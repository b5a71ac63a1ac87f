"""What can be learned from stored images: jobs over them, and the models that jobs use.

Reads and writes through `storage`, and never imports `crawler`.
"""
