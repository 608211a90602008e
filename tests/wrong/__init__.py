"""Wrong inputs, walked end to end: `corpus.txt` is what users type, the tests are what they must be told."""
