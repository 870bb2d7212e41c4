"""The documentation site, which `make docs` builds. Its pages load nothing from elsewhere."""

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

import kakehashi

project = "kakehashi"
author = "the kakehashi authors"
version = release = kakehashi.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 3
exclude_patterns = ["site"]
suppress_warnings = ["toc.no_title"]  # of a table that is a page

# Backticks in our docstrings are names of ours, most of which have no page.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"

html_theme = "furo"
html_title = "kakehashi"
html_static_path = []


def setup(app: Sphinx) -> None:
    """Show diagrams of mermaid as text: what draws them would come from elsewhere."""
    app.add_lexer("mermaid", TextLexer)
