"""One file per thing measured. `measure(scene) -> list[Row]` runs in the parent; other functions run in a child, by name."""
