import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;

/** Sends the coffee orders with OkHttp's default client. */
public class OkHttp {
    private static final OkHttpClient CLIENT = new OkHttpClient();

    private static void send(Request request) throws Exception {
        CLIENT.newCall(request).execute().body().string();
    }

    private static Request post(String url, String type, String body) {
        return new Request.Builder().url(url).post(RequestBody.create(MediaType.parse(type), body)).build();
    }

    public static void main(String[] args) throws Exception {
        String order = "{\"store\":\"uptown\",\"drink\":\"latte\",\"quantity\":2}";
        String lines = order + "\n{\"store\":\"uptown\",\"drink\":\"mocha\",\"quantity\":1}\n";
        send(post(args[0] + "/api/orders", "application/json", order));
        send(post(args[0] + "/api/orders", "application/json", order));
        send(post(args[0] + "/api/orders/batch", "application/x-ndjson", lines));
        send(new Request.Builder().url(args[0] + "/api/menu").build());
        System.exit(0);
    }
}
