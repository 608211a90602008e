"""A broker by hand, from the top of the repository: `python -m tests.parts.kafka start DIR PORT`, then `stop DIR` or `crash DIR`.

It runs until it is stopped; the folder keeps its records for the next start."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.parts import jars
from tests.parts.kafka import Broker


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.parts.kafka", description=__doc__)
    parser.add_argument("verb", choices=["start", "stop", "crash"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int, nargs="?", default=9092)
    parser.add_argument("--heap", default="512m")
    parser.add_argument("--full-jit", action="store_true", help="both compilers of the JVM: slower to start, for measurements")
    arguments = parser.parse_args()
    if reason := jars.missing():
        parser.error(reason)
    broker = Broker(arguments.folder, port=arguments.port, heap=arguments.heap, full_jit=arguments.full_jit)
    if arguments.verb == "start":
        broker.start(leashed=False)
        print(broker.bootstrap)
    elif arguments.verb == "stop":
        broker.stop()
    else:
        broker.crash()


if __name__ == "__main__":
    main()
