"""Servers: how tools outside the process read what is in it: pgwire, HTTP, Quack."""
