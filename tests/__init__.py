"""The tests of kshell. A package, so that `tests.support` and `tests.parts` are these and no other distribution's."""
