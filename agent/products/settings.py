"""The products of the agent's settings.

[products.u8]
pack = "yonyou-u8"                   # a shipped pack, or the absolute path of one
title = "总部 U8"                    # optional
database = "erp"                     # an entry of [databases]; left out: nothing of it is asked
[products.u8.parameters]             # what the pack leaves to the settings (docs/product-packs.md)
services = ["W3SVC"]
"""

from typing import Annotated, Any

from msgspec import Meta, Struct

_Short = Annotated[str, Meta(max_length=255)]


class ProductSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One installation of a product."""

    pack: Annotated[str, Meta(min_length=1, max_length=1000)]
    title: _Short = ""
    database: _Short = ""
    parameters: dict[str, Any] = {}
