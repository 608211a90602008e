"""What clients ask before they show anything: a file for each, its statements in the order of the client.

    -- a comment names the statement; `-- = [[...]]` below it are the rows that it gives, as text; {t} is the number of relation t
    SELECT ...;"""
