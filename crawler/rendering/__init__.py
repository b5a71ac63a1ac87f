"""Pages that need JavaScript: what is asked of the renderer, and reading what it answers."""


class RendererMissing(Exception):
    """A page needs a renderer and none is configured."""
