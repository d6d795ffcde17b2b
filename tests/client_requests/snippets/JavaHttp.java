import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;

/**
 * Sends the coffee orders with java.net.http.HttpClient. By default that client offers an upgrade to
 * HTTP/2; with the word "http11" as second argument it does not.
 */
public class JavaHttp {
    private static HttpRequest post(String url, String type, String body) {
        return HttpRequest.newBuilder(URI.create(url)).header("Content-Type", type)
            .POST(BodyPublishers.ofString(body)).build();
    }

    public static void main(String[] args) throws Exception {
        boolean http11 = args.length > 1 && args[1].equals("http11");
        HttpClient client = http11
            ? HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()
            : HttpClient.newHttpClient();
        String order = "{\"store\":\"uptown\",\"drink\":\"latte\",\"quantity\":2}";
        String lines = order + "\n{\"store\":\"uptown\",\"drink\":\"mocha\",\"quantity\":1}\n";
        client.send(post(args[0] + "/api/orders", "application/json", order), BodyHandlers.ofString());
        client.send(post(args[0] + "/api/orders", "application/json", order), BodyHandlers.ofString());
        client.send(post(args[0] + "/api/orders/batch", "application/x-ndjson", lines), BodyHandlers.ofString());
        client.send(HttpRequest.newBuilder(URI.create(args[0] + "/api/menu")).build(), BodyHandlers.ofString());
        System.exit(0);
    }
}
