"""Which addresses a page may hold, and what a reader must be told of them. Knows addresses, not HTML.

A link opens only when clicked, so http, https and mailto may stay, if they say plainly where they lead: no
relative address (it would mean the notebook server), no user name before the host, no odd character in the
host. An image loads by itself, so only one that carries its own bytes may stay.
"""

from __future__ import annotations

import re

_WEB = re.compile(
    r"https?://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.?|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:[/?#][!-~]*)?",
    re.IGNORECASE,
)
_MAIL = re.compile(r"mailto:([!-~]+?@[a-z0-9.-]+(?:\?[!-~]*)?)", re.IGNORECASE)
_DATA_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[a-z0-9+/]+={0,2}", re.IGNORECASE)
_CANNOT_STAND_IN_A_LINK = re.compile(r"[\\\"<>`{}|^]")
_SCHEME = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)

MOST_IMAGE_CHARACTERS = 2_000_000 * 4 // 3
"""2 MB of image, in base64."""


def destination(address: str) -> str | None:
    """Where the link leads, as a reader knows it; None when it may not be a link.

    That is the host, or all that a mail address says: its query may name more recipients.
    """
    if _CANNOT_STAND_IN_A_LINK.search(address):
        return None
    found = _WEB.fullmatch(address) or _MAIL.fullmatch(address)
    return found.group(1).lower() if found else None


def carries_image(address: str) -> bool:
    """Whether the address is itself a PNG, JPEG, GIF or WebP image of at most 2 MB."""
    return len(address) <= MOST_IMAGE_CHARACTERS and _DATA_IMAGE.fullmatch(address) is not None


def says_destination(text: str, place: str) -> bool:
    """Whether a link's text begins with its destination, so that a reader sees where it leads."""
    shown = _SCHEME.sub("", text.strip(), count=1).lower()
    return shown.startswith(place) and (len(shown) == len(place) or shown[len(place)] in "/?#:")
