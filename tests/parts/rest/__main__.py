"""A REST catalog by hand, from the top of the repository: `python -m tests.parts.rest start DIR PORT`, then `stop DIR` or `crash DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.parts import jars
from tests.parts.rest import RestCatalog


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.parts.rest", description=__doc__)
    parser.add_argument("verb", choices=["start", "stop", "crash"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int, nargs="?", default=8181)
    arguments = parser.parse_args()
    if reason := jars.missing():
        parser.error(reason)
    catalog = RestCatalog(arguments.folder, port=arguments.port)
    if arguments.verb == "start":
        catalog.start(leashed=False)
        print(catalog.uri)
    elif arguments.verb == "stop":
        catalog.stop()
    else:
        catalog.crash()


if __name__ == "__main__":
    main()
