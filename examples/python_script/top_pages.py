"""The pages of the last five minutes, live and lake together, from Python."""

import kshell

with kshell.connect(brokers="127.0.0.1:9092") as session:
    session.sql("CREATE SOURCE clicks FROM KAFKA kafka (TOPIC 'web.clicks', FORMAT json)")
    session.sql("WAIT SOURCE clicks UNTIL CAUGHT UP TIMEOUT '30s'")
    pages = session.sql("SELECT url, count(*) AS n FROM clicks(since := INTERVAL '5 minutes') GROUP BY ALL ORDER BY n DESC, url LIMIT 3")
    for url, n in pages.fetchall():
        print(url, n)
    try:
        session.sql("CREATE SOURCE orders FROM KAFKA kafka (TOPC 'orders')")
    except kshell.Error as error:
        print(f"{error.code}: {error.message} ({error.hint})")
