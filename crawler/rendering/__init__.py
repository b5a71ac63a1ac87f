"""Pages that need JavaScript: what is asked of the renderer, and reading what it answers."""


class RendererMissing(Exception):
    """A page needs a renderer, and there is none that works."""


class RendererDied(Exception):
    """The renderer ended, or answers no more; the next page gets a new one."""


class RendererBroken(Exception):
    """The renderer answered with something that is no answer of a renderer."""


class RenderTimeout(Exception):
    """A page took longer than the profile allows."""


class PageUnreachable(Exception):
    """The renderer could not load a page, and would not the next time."""
