"""The templates that mails are written from."""

from datetime import date

from jinja2 import Environment, PackageLoader, StrictUndefined

_WEEKDAYS = "月火水木金土日"


def mail_templates() -> Environment:
    """Return the templates of `activities/mails`; a name that a template misspells is an error."""
    templates = Environment(
        loader=PackageLoader("activities", "mails"),
        autoescape=False,  # noqa: S701 plain text: escaping would show
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters["day"] = _japanese_day
    return templates


def _japanese_day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日（{_WEEKDAYS[day.weekday()]}）"
