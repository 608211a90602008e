CREATE TABLE memory.kshell_buffer.{table:i} ({columns:s});
