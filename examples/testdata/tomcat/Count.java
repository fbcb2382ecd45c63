import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import jakarta.servlet.http.HttpSession;
import java.io.IOException;

/** Counts the requests of a session and says which Tomcat has answered. */
public final class Count extends HttpServlet {
    private static final long serialVersionUID = 1;

    @Override
    protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
        HttpSession session = request.getSession();
        Integer n = (Integer) session.getAttribute("n");
        n = n == null ? 1 : n + 1;
        session.setAttribute("n", n);
        response.setContentType("text/plain");
        response.getWriter().print(System.getProperty("tomcat.name") + " " + n);
    }
}
