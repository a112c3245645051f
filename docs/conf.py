"""How Sphinx builds the documentation: `make docs`, strict, so that a broken link or reference fails.

The pages of the reference that say what the code says are written from the code each time
(`reference_pages`); they are not kept in the repository.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from bot import __version__  # noqa: E402 - the repository has to be in the path first
from docs.reference_pages import reference_pages  # noqa: E402 - likewise

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "Lightship"
release = __version__
extensions = ["myst_parser", "sphinx_click"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Lightship"
myst_enable_extensions = ["colon_fence", "linkify", "substitution"]
myst_linkify_fuzzy_links = False
myst_heading_anchors = 3
nitpicky = True
# Examples show a prompt's output, elisions and templates, which no lexer knows.
suppress_warnings = ["misc.highlighting_failure"]


def setup(app: "Sphinx") -> None:
    """Write the generated pages before Sphinx looks for pages."""
    app.connect("config-inited", lambda *_: write_reference())


def write_reference() -> None:
    """Write each generated page, where it changed: Sphinx builds again what is newer."""
    for name, text in reference_pages().items():
        path = HERE / "reference" / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
