"""The built pages (`index.html`, `auth.html`, `report.html`) as Jinja templates.

They are part of the native module. A directory of pages of one's own (`--build-path`, `app.template_folder`) comes
first.
"""

from __future__ import annotations

from typing import Any

import jinja2

from .. import _engine


def built_in() -> jinja2.BaseLoader:
    """A loader of the pages in the native module."""
    return jinja2.FunctionLoader(_source)


def loader(directory: str) -> jinja2.BaseLoader:
    """A loader of the pages in a directory, and of the built-in ones that it does not have."""
    return jinja2.ChoiceLoader([jinja2.FileSystemLoader(directory), built_in()])


def render(name: str, directory: str, **values: Any) -> str:
    """The page `name` with these values. Raises `jinja2.TemplateNotFound`."""
    return jinja2.Environment(loader=loader(directory)).get_template(name).render(**values)


def _source(name: str) -> str | None:
    page = _engine.web_asset(name) if name.endswith(".html") else None
    return None if page is None else page.decode()
