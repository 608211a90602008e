"""Everything real and everything at once: a broker, a catalog, sessions in processes of their own, and faults while readers read."""
