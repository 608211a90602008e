"""What the SQL of all formats shares."""

from __future__ import annotations

DOUBT = "kshell: the exact form must look at a record of this batch"
