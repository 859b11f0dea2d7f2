"""Addresses of servers that speak the OpenAI protocol, as people write them."""

import re
from urllib.parse import urlsplit


def server_address(url: str) -> str:
    """The address without a slash at its end. Raises ValueError where it is none, or holds a key."""
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.fragment
    except ValueError:  # of a port beyond 65535, or half an IPv6 address
        well_formed = False
    if not well_formed or re.search(r"[\s\x00-\x1f\x7f\\]", url):
        raise ValueError(f"'{url}' is no address of a server; one looks like http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query:
        raise ValueError("an address holds no key: put it into the environment variable of api_key_env")
    return url.rstrip("/")
