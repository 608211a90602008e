"""A chart as Vega-Lite, and what vl-convert makes of it: PNG, SVG, an HTML page.

Invariant: nothing is fetched, neither while a file is made nor when it is opened; no text of a result is read as markup or script.
Fields have fixed names, since Vega-Lite reads dots and brackets in a name as a path into an object."""

from __future__ import annotations

import importlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kshell.errors import UsageError
from kshell.output._base import printable
from kshell.output._plot import EXTRA

if TYPE_CHECKING:
    from kshell.output._chart import Chart

MIME = "application/vnd.vegalite.v5+json"
WIDTH, HEIGHT = 640, 360
_VERSION = "5.21"                             # of Vega-Lite, within what the MIME type promises
_LESS = "\ue03c"                              # stands for < until the page is written


def spec(chart: Chart) -> dict[str, Any]:
    encoding: dict[str, Any] = {"x": {"field": "x", "type": chart.scale, "title": printable(chart.x)},
                                "y": {"field": "y", "type": "quantitative", "title": printable(chart.y)}}
    for axis in chart.whole if chart.scale == "quantitative" else chart.whole & {"y"}:
        encoding[axis]["axis"] = {"tickMinStep": 1}
    if chart.scale == "temporal":
        encoding["x"]["scale"] = {"type": "utc"}
    if chart.scale == "nominal":
        encoding["x"]["sort"] = None          # the order of the rows
    if chart.by is not None:
        encoding["color"] = {"field": "series", "type": "nominal", "title": printable(chart.by)}
        if chart.kind == "bar":
            encoding["xOffset"] = {"field": "series"}
    values = [{"x": _written(p.x), "y": p.y} | ({} if p.series is None else {"series": printable(p.series)}) for p in chart.points]
    return {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "width": WIDTH, "height": HEIGHT,
            "data": {"values": values}, "mark": {"type": chart.kind, "tooltip": True}, "encoding": encoding}


def _written(x: str | float | datetime) -> str | float:
    if isinstance(x, datetime):
        return x.isoformat().replace("+00:00", "Z")
    return printable(x) if isinstance(x, str) else x


def rendered(chart: Chart, kind: str) -> bytes:
    """The bytes of a file; Vega-Lite itself (json) needs no library."""
    made = spec(chart)
    if kind == "json":
        return json.dumps(made, ensure_ascii=False, indent=1).encode() + b"\n"
    converter = _converter()
    if kind == "html":
        return _page(converter, made).encode()
    if kind == "svg":
        return str(converter.vegalite_to_svg(made, vl_version=_VERSION, allowed_base_urls=[])).encode()
    return bytes(converter.vegalite_to_png(made, vl_version=_VERSION, scale=2, allowed_base_urls=[]))


def _page(converter: Any, made: dict[str, Any]) -> str:
    """vl-convert writes the values into a script element as they are, where `</script>` would end it: no < may be among them."""
    marked = json.loads(json.dumps(made, ensure_ascii=False).replace("<", _LESS))
    page = str(converter.vegalite_to_html(marked, vl_version=_VERSION, bundle=True))
    return page.replace(_LESS, "\\u003c")


def _converter() -> Any:
    try:
        return importlib.import_module("vl_convert")
    except ImportError:
        raise UsageError("this file needs vl-convert-python, which is not installed", hint=f"{EXTRA}, or write .json") from None


def bundle(chart: Chart) -> dict[str, Any]:
    """What a notebook may choose from: Vega-Lite, a picture where it can be made, a sentence."""
    shown: dict[str, Any] = {MIME: spec(chart), "text/plain": f"{chart.kind} chart of {chart.y} by {chart.x}, {len(chart.points)} points"}
    try:
        shown["image/svg+xml"] = rendered(chart, "svg").decode()
    except UsageError:
        return shown
    return shown
