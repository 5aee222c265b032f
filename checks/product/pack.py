"""What the product is: its pack, as the report names it. No rule: what is declared is judged by
the other checks of the chapter."""

from checks.api import Chapter, Check, Struct, Text
from checks.products import Product
from wire.messages import Label, Sentence


class Facts(Struct, frozen=True):
    """The pack of one installation."""

    title: Label
    """Of the settings."""
    product: Text
    """As its vendor calls it."""
    pack: Label
    version: Label
    verified_zh: Sentence
    verified_en: Sentence
    database: Label
    """Name of the entry; empty: none is named."""


def probe(product: Product) -> Facts:
    """Return what the settings and the pack say."""
    declared = product.declaration
    return Facts(
        product.title,
        declared.title,
        declared.name,
        declared.version,
        declared.verified.zh,
        declared.verified.en,
        product.database_name,
    )


CHECK = Check(
    title=Text("产品包", "Product pack"),
    chapter=Chapter.PRODUCT,
    facts=Facts,
    probe=probe,
    systems=("linux", "windows"),
    target="product",
    reads=("the pack file and the settings of the agent",),
    rules=(),
)
