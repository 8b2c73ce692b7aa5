"""Places that texts name: each as a link, alike on every page, also where a refusal names it."""

from collections.abc import Mapping

from markupsafe import Markup, escape

from models.common.contact import Contact


def contact_link(contact: Contact, name: str, address: str | None) -> Markup:
    """Return how a sentence names who answers: a link, and the phone with its hours if there is one."""
    link = Markup('<a href="{}">{}</a>').format(address, name) if address else escape(name)
    if not contact.phone:
        return link
    phone = Markup('<a href="tel:{0}">{0}</a>').format(contact.phone)
    hours = escape(f"、受付時間：{contact.hours}" if contact.hours else "")
    return Markup("{}（お電話：{}{}）").format(link, phone, hours)


def with_links(text: str, places: Mapping[str, Markup]) -> Markup:
    """Return a text as markup in which each of these places, where the text names it, is a link."""
    shown = escape(text)
    for name, link in places.items():
        shown = shown.replace(name, link)
    return shown
