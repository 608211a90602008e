import jakarta.servlet.Filter;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import jakarta.servlet.ServletResponse;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpServletResponseWrapper;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.net.InetSocketAddress;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import org.apache.iceberg.Files;
import org.apache.iceberg.io.FileIO;
import org.apache.iceberg.io.InputFile;
import org.apache.iceberg.io.OutputFile;
import org.apache.iceberg.io.PositionOutputStream;
import org.apache.iceberg.io.SeekableInputStream;
import org.apache.iceberg.jdbc.JdbcCatalog;
import org.apache.iceberg.rest.RESTCatalogAdapter;
import org.apache.iceberg.rest.RESTCatalogServlet;
import org.eclipse.jetty.ee10.servlet.FilterHolder;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;

/**
 * Apache Iceberg's REST catalog on 127.0.0.1: its reference servlet over its JDBC catalog, on a SQLite file and a folder.
 *
 * <p>System properties: port, name (the catalog's name in the SQLite tables), and every catalog.* goes to the catalog.
 * One verb is ours, for commits whose answer is lost: POST /_fault?path=P&when=before|after&status=S&times=N answers the
 * next N POSTs whose path contains P with status S, before or after doing the work.
 */
public class RestServer {
  private static String path = "";
  private static boolean workFirst = true;
  private static int status = 503;
  private static int times = 0;

  /** Local files without Hadoop on the class path. */
  public static class LocalIO implements FileIO {
    @Override
    public void initialize(Map<String, String> properties) {}

    static File file(String location) {
      return new File(location.replaceFirst("^file:/*", "/"));
    }

    @Override
    public InputFile newInputFile(String location) {
      return new Named(location);
    }

    @Override
    public OutputFile newOutputFile(String location) {
      OutputFile out = Files.localOutput(file(location));
      return new OutputFile() { // keeps the location as it was spelled
        @Override
        public PositionOutputStream create() {
          return out.create();
        }

        @Override
        public PositionOutputStream createOrOverwrite() {
          return out.createOrOverwrite();
        }

        @Override
        public String location() {
          return location;
        }

        @Override
        public InputFile toInputFile() {
          return new Named(location);
        }
      };
    }

    @Override
    public void deleteFile(String location) {
      file(location).delete();
    }
  }

  private record Named(String location) implements InputFile {
    @Override
    public long getLength() {
      return LocalIO.file(location).length();
    }

    @Override
    public SeekableInputStream newStream() {
      return Files.localInput(LocalIO.file(location)).newStream();
    }

    @Override
    public boolean exists() {
      return LocalIO.file(location).exists();
    }
  }

  private static synchronized void arm(HttpServletRequest request) {
    path = request.getParameter("path");
    workFirst = request.getParameter("when").equals("after");
    status = Integer.parseInt(request.getParameter("status"));
    times = Integer.parseInt(request.getParameter("times"));
  }

  private static synchronized boolean hits(HttpServletRequest request) {
    boolean hit = times > 0 && request.getMethod().equals("POST") && request.getRequestURI().contains(path);
    if (hit) {
      times--;
    }
    return hit;
  }

  private static class Faults implements Filter {
    @Override
    public void doFilter(ServletRequest rawRequest, ServletResponse rawResponse, FilterChain chain) throws IOException, ServletException {
      HttpServletRequest request = (HttpServletRequest) rawRequest;
      HttpServletResponse response = (HttpServletResponse) rawResponse;
      if (request.getRequestURI().equals("/_fault")) {
        arm(request);
      } else if (!hits(request)) {
        chain.doFilter(request, response);
      } else {
        if (workFirst) {
          chain.doFilter(request, mute(response));
        }
        response.setStatus(status);
        response.setContentType("application/json");
        response.getOutputStream().print("{\"error\":{\"message\":\"injected\",\"type\":\"Injected\",\"code\":" + status + "}}");
      }
    }

    /** Takes an answer that nobody will see. */
    private static HttpServletResponse mute(HttpServletResponse response) {
      PrintWriter nowhere = new PrintWriter(Writer.nullWriter());
      return new HttpServletResponseWrapper(response) {
        @Override
        public PrintWriter getWriter() {
          return nowhere;
        }

        @Override
        public void setStatus(int ignored) {}
      };
    }
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> properties = new HashMap<>();
    properties.put("io-impl", LocalIO.class.getName());
    properties.put("jdbc.schema-version", "V1");
    properties.put("clients", "1");
    System.getProperties().forEach((key, value) -> {
      if (key.toString().startsWith("catalog.")) {
        properties.put(key.toString().substring("catalog.".length()), value.toString());
      }
    });
    JdbcCatalog catalog = new JdbcCatalog();
    catalog.initialize(System.getProperty("name", "rest"), properties);
    ServletContextHandler context = new ServletContextHandler();
    context.addFilter(new FilterHolder(new Faults()), "/*", EnumSet.of(jakarta.servlet.DispatcherType.REQUEST));
    context.addServlet(new ServletHolder(new RESTCatalogServlet(new RESTCatalogAdapter(catalog))), "/*");
    Server server = new Server(new InetSocketAddress("127.0.0.1", Integer.getInteger("port")));
    server.setHandler(context);
    server.start();
    System.out.println("ready " + server.getURI());
    server.join();
  }
}
