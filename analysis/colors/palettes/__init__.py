"""How the colours of a palette are found: one step a module, all of them pure functions.

`histogram` counts pixels by colour; `flat` finds flat colours; `kmeans` and `density` cluster what
is not flat; `accents` looks for small vivid areas; `tones` is what they hand to each other.
"""
