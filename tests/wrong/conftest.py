"""The corpus is one session of somebody who types: its entries run in the order of the file, whatever order the other tests have."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [i for i, item in enumerate(items) if item.path.name == "test_corpus.py" and item.path.parent.name == "wrong"]
    in_order = sorted((items[i] for i in places), key=_place)
    for i, item in zip(places, in_order, strict=True):
        items[i] = item


def _place(item: pytest.Item) -> tuple[int, int]:
    entry = getattr(item, "callspec", None) and item.callspec.params.get("entry")  # type: ignore[attr-defined]
    return (item.location[1] or 0, entry.line if entry else 0)
