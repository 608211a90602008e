"""Documents with sessions in them, replayed against the program: what they show is what it prints.

A document is prose at the margin; an indented block (four spaces) that begins with `$ ` or `kshell> ` is a session. `document.py`
reads it, `terminal.py` runs the steps, `volatile.py` declares what may differ from run to run, `setups.py` makes the data."""
