"""The demo: generated events, the stage they play on, and the tour."""
