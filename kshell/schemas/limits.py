"""How much a schema may be, and how long a registry may take.

Invariant: a limit that depends on the bytes alone gives a verdict; one on time never does."""

from __future__ import annotations

SCHEMA_BYTES = 1 << 20                        # of one answer or file
LIST_BYTES = 8 << 20                          # of a list of subjects
MOST_REFERENCES = 50                          # of one schema, those of its references included
MOST_CACHED = 1_000                           # schemas of one registry that are kept
MOST_UNKNOWN = 10_000                         # ids that are known to be missing
MOST_PATIENT = 5                              # 404s a minute whose further tries are waited for; other ids are asked for by who comes again
UNKNOWN_S = 60.0                              # how long a definite 404 is believed
TRIES = 3                                     # a 404 is definite when it has been given so often
PAUSE_S = 0.4                                 # between these tries, twice as long each time
CONNECT_S = 5.0                               # of one look at a socket
ANSWER_S = 10.0                               # of one whole answer
