"""A schema registry by hand, from the top of the repository: `python -m tests.parts.registry start DIR PORT`, then `stop DIR`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.parts.registry import Registry, missing


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.parts.registry", description=__doc__)
    parser.add_argument("verb", choices=["start", "stop", "crash"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int, nargs="?", default=8081)
    arguments = parser.parse_args()
    if reason := missing():
        parser.error(reason)
    registry = Registry(arguments.folder, port=arguments.port)
    if arguments.verb == "start":
        registry.start(leashed=False)
        print(registry.url)
    elif arguments.verb == "stop":
        registry.stop()
    else:
        registry.crash()


if __name__ == "__main__":
    main()
