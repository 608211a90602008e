import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.Date;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.util.Arrays;
import java.util.Properties;
import java.util.UUID;

/** What tools do through pgjdbc, one line `name=outcome` each: an outcome is a value, or the class and SQLSTATE of an exception. */
public final class PgjdbcClient {
    private interface Step { Object run() throws Exception; }

    private static void step(String name, Step step) {
        String outcome;
        try {
            outcome = String.valueOf(step.run());
        } catch (SQLException e) {
            outcome = "SQLException " + e.getSQLState() + " " + e.getMessage().replace('\n', ' ');
        } catch (Exception e) {
            outcome = e.getClass().getSimpleName() + " " + String.valueOf(e.getMessage()).replace('\n', ' ');
        }
        System.out.println(name + "=" + outcome);
    }

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "kshell");
        properties.setProperty("password", arguments[1]);
        properties.setProperty("sslmode", "disable");
        try (Connection connection = DriverManager.getConnection(arguments[0], properties)) {
            metadata(connection);
            queries(connection);
            types(connection);
            errors(connection);
            fetching(connection);
        }
    }

    private static void metadata(Connection connection) throws SQLException {
        DatabaseMetaData data = connection.getMetaData();
        step("product", () -> data.getDatabaseProductName() + " " + data.getDatabaseMajorVersion());
        step("catalog", connection::getCatalog);
        step("schema", connection::getSchema);
        step("schemas", () -> column(data.getSchemas(), "TABLE_SCHEM"));
        step("table types", () -> column(data.getTableTypes(), "TABLE_TYPE").contains("VIEW"));
        step("tables", () -> column(data.getTables(null, null, "kind%", new String[] {"TABLE", "VIEW"}), "TABLE_NAME"));
        step("any table", () -> column(data.getTables(null, "main", "%", null), "TABLE_NAME").contains("kinds"));
        step("columns", () -> column(data.getColumns(null, null, "kinds", "%"), "COLUMN_NAME"));
        step("column types", () -> column(data.getColumns(null, null, "kinds", "%"), "DATA_TYPE"));
        step("type names", () -> column(data.getColumns(null, null, "kinds", "%"), "TYPE_NAME"));
        step("sizes", () -> column(data.getColumns(null, null, "kinds", "amount"), "COLUMN_SIZE")
                + column(data.getColumns(null, null, "kinds", "amount"), "DECIMAL_DIGITS"));
        step("primary keys", () -> column(data.getPrimaryKeys(null, null, "kinds"), "COLUMN_NAME"));
        step("indexes", () -> column(data.getIndexInfo(null, null, "kinds", false, false), "INDEX_NAME"));
        step("imported keys", () -> column(data.getImportedKeys(null, null, "kinds"), "PKTABLE_NAME"));
        step("functions", () -> data.getFunctions(null, null, "no such function").next());
        step("type info", () -> column(data.getTypeInfo(), "TYPE_NAME").contains("int8"));
    }

    private static String column(ResultSet rows, String name) throws SQLException {
        StringBuilder found = new StringBuilder();
        try (rows) {
            while (rows.next()) {
                found.append(found.length() == 0 ? "" : ",").append(rows.getString(name));
            }
        }
        return "[" + found + "]";
    }

    private static void queries(Connection connection) throws SQLException {
        step("valid", () -> connection.isValid(5));
        step("read only", () -> {
            connection.setReadOnly(true);
            return connection.isReadOnly();
        });
        step("select", () -> one(connection, "SELECT count(*) FROM n"));
        step("parameters", () -> {
            StringBuilder found = new StringBuilder();
            try (PreparedStatement s = connection.prepareStatement("SELECT i, name FROM n WHERE i = ? AND name LIKE ?")) {
                for (int i = 0; i < 8; i++) {                     // from the fifth on prepared on the server, and in binary
                    s.setInt(1, i);
                    s.setString(2, "row%");
                    try (ResultSet rows = s.executeQuery()) {
                        rows.next();
                        found.append(rows.getLong(1)).append(rows.getString(2).charAt(0));
                    }
                }
            }
            return found;
        });
        step("described", () -> {
            try (PreparedStatement s = connection.prepareStatement("SELECT i, name, i * 1.5 AS more FROM n WHERE i < ?")) {
                ResultSetMetaData meta = s.getMetaData();
                return meta.getColumnName(1) + " " + meta.getColumnTypeName(1) + "," + meta.getColumnTypeName(2) + "," + meta.getColumnTypeName(3);
            }
        });
    }

    private static String one(Connection connection, String text) throws SQLException {
        try (Statement s = connection.createStatement(); ResultSet rows = s.executeQuery(text)) {
            rows.next();
            return rows.getString(1);
        }
    }

    private static void types(Connection connection) throws SQLException {
        OffsetDateTime instant = OffsetDateTime.parse("2026-07-01T12:34:56.123456Z");
        UUID uuid = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
        step("zone", () -> one(connection, "SELECT TIMESTAMPTZ '2026-07-01 00:00:00+00'"));
        for (int round = 0; round < 7; round++) {                // as text, and as binary once it is prepared on the server
            step("types " + round, () -> {
                try (PreparedStatement s = connection.prepareStatement(
                        "SELECT ?::BOOLEAN, ?::INTEGER, ?::BIGINT, ?::DOUBLE, ?::DECIMAL(20,5), ?::VARCHAR, ?::BLOB, ?::DATE, ?::TIMESTAMP,"
                        + " ?::TIMESTAMPTZ, ?::UUID, ?::INTEGER[], ?::VARCHAR[]")) {
                    s.setBoolean(1, true);
                    s.setInt(2, -7);
                    s.setLong(3, Long.MIN_VALUE);
                    s.setDouble(4, 0.1);
                    s.setBigDecimal(5, new BigDecimal("-12345.67890"));
                    s.setString(6, "ü\"'\\");
                    s.setBytes(7, new byte[] {0, (byte) 255, 92});
                    s.setObject(8, LocalDate.of(2026, 11, 26));
                    s.setObject(9, LocalDateTime.of(2026, 11, 26, 10, 20, 30, 123456000));
                    s.setObject(10, instant);
                    s.setObject(11, uuid);
                    s.setArray(12, connection.createArrayOf("int4", new Integer[] {1, null, 3}));
                    s.setArray(13, connection.createArrayOf("text", new String[] {"a b", null, "\"\\"}));
                    try (ResultSet r = s.executeQuery()) {
                        r.next();
                        Array numbers = r.getArray(12);
                        Array texts = r.getArray(13);
                        return r.getBoolean(1) && r.getInt(2) == -7 && r.getLong(3) == Long.MIN_VALUE && r.getDouble(4) == 0.1
                            && r.getBigDecimal(5).equals(new BigDecimal("-12345.67890")) && r.getString(6).equals("ü\"'\\")
                            && Arrays.equals(r.getBytes(7), new byte[] {0, (byte) 255, 92})
                            && r.getObject(8, LocalDate.class).equals(LocalDate.of(2026, 11, 26))
                            && r.getDate(8).equals(Date.valueOf("2026-11-26"))
                            && r.getObject(9, LocalDateTime.class).equals(LocalDateTime.of(2026, 11, 26, 10, 20, 30, 123456000))
                            && r.getObject(10, OffsetDateTime.class).isEqual(instant) && r.getTimestamp(10).toInstant().equals(instant.toInstant())
                            && r.getObject(11).equals(uuid) && Arrays.equals((Integer[]) numbers.getArray(), new Integer[] {1, null, 3})
                            && Arrays.equals((String[]) texts.getArray(), new String[] {"a b", null, "\"\\"});
                    }
                }
            });
        }
        step("json", () -> one(connection, "SELECT {'a': 1}"));
        step("interval", () -> one(connection, "SELECT INTERVAL '14 months 3 days 4 hours'"));
    }

    private static void errors(Connection connection) throws SQLException {
        step("insert", () -> connection.createStatement().executeUpdate("INSERT INTO n VALUES (1, 'x')"));
        step("no table", () -> one(connection, "SELECT * FROM nothing_of_this_name"));
        step("after an error", () -> one(connection, "SELECT 1"));
        step("timeout", () -> {
            try (Statement s = connection.createStatement()) {
                s.setQueryTimeout(1);
                return s.executeQuery("SELECT count(*) FROM range(10000000) a, range(10000000) b").next();
            }
        });
        step("after a timeout", () -> one(connection, "SELECT 2"));
    }

    private static void fetching(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        step("fetch size", () -> {
            try (Statement s = connection.createStatement()) {
                s.setFetchSize(1000);
                long sum = 0;
                int count = 0;
                try (ResultSet rows = s.executeQuery("SELECT i FROM n")) {
                    while (rows.next()) {
                        sum += rows.getLong(1);
                        count++;
                    }
                }
                return count + " " + sum;
            }
        });
        step("left in the middle", () -> {
            try (Statement s = connection.createStatement()) {
                s.setFetchSize(10);
                s.executeQuery("SELECT i FROM n").next();
            }
            return one(connection, "SELECT count(*) FROM n");
        });
        step("commit", () -> {
            connection.commit();
            connection.setAutoCommit(true);
            return one(connection, "SELECT 3");
        });
    }
}
