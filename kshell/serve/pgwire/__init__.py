"""pgwire: PostgreSQL's protocol, version 3, over the sessions of this process."""
