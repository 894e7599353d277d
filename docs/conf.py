"""Sphinx's settings: Markdown by MyST, furo's theme, nothing loaded from another host."""

# Before autodoc imports anything: inside it, pydantic 2.14 refuses a model of Dagster's ("must be `dict[str, ...]`").
import dagster  # noqa: F401

project = "Headgate"
author = "the Headgate authors"
project_copyright = author
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "headgate_docs.dictionary"]
exclude_patterns = ["_build", "README.md", "decisions/README.md", "src", "tests", ".*"]

myst_enable_extensions = ["deflist", "attrs_inline"]
myst_heading_anchors = 3

# A block without a language is a command line.
highlight_language = "none"

# A docstring marks code with single back-quotes, as everywhere else in the repository.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "Headgate"
html_static_path = ["_static"]
html_css_files = ["headgate.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
