"""`make bench`: how fast and how large kshell is, against a bare client on the same broker, in one run.

Does: measure and report. Does not: judge; no figure fails anything.
Invariant: a ratio is taken within one round, and the sides of a round run one after the other, never at the same time. Each side has a
process of its own, so that neither its memory nor its caches belong to another."""
