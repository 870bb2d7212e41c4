"""The templates of the HTML that we write; everything put into them is escaped."""

from __future__ import annotations


def render(name: str, **values: object) -> str:
    """Fill in a template of this package."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("kakehashi.reports", "data"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(**values)
