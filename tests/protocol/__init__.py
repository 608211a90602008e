"""The commit protocol under fire: several writers with overlapping ranges, a catalog that lies, a neighbour who rolls back and expires.

`python -m tests.protocol.run SEED` is one run; its verdict comes from the verifiers alone. The tests run it on the code as it is, and
on copies with one rule taken out, which the verifiers must notice."""
