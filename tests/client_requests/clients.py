"""The clients and proxies that capture.py records: how to ask each one's version and how to run it.

In a command {url} is where to send the orders, {front} the port in it, {back} the
recorder's port, {tmp} an empty folder and {python} the Python with the libraries.
Commands run in the snippets folder.
"""

ORDER = '{"store":"uptown","drink":"latte","quantity":2}'
LINES = ORDER + '\n{"store":"uptown","drink":"mocha","quantity":1}\n'
NDJSON = ["-H", "Content-Type: application/x-ndjson", "--data-binary", LINES]
JARS = "/usr/share/java/okhttp.jar:/usr/share/java/okio.jar"  # Debian's libokhttp-java


def curl(*one, more=()):
    """Give the curl command that posts one order twice, then a batch, then gets the menu."""
    order, quiet = "{url}/api/orders", ["-s", "-o", "/dev/null"]
    return [
        [
            "curl",
            *quiet,
            *quiet,
            *one,
            *more,
            order,
            order,
            "--next",
            *quiet,
            *NDJSON,
            *more,
            order + "/batch",
            "--next",
            *quiet,
            "{url}/api/menu",
        ]
    ]


def python(module):
    """Give the version command and the command for a Python library's snippet."""
    own = f"import {module}; print({module}.__version__)"
    version = ["{python}", "--version"] if "." in module else ["{python}", "-c", own]
    return version, [["{python}", f"python_{module.replace('.', '_')}.py", "{url}"]]


def chromium(page):
    """Give the command that opens the page in a headless Chromium."""
    return [
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-sync",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-proxy-server",
            "--user-data-dir={tmp}/profile",
            page,
        ]
    ]


# File name: (what the client is called, how to ask its version, the commands that send everything).
CURL, NODE, JAVA = ["curl", "--version"], ["node", "--version"], ["java", "--version"]
JSON_D = ["-H", "Content-Type: application/json", "-d", ORDER]
POST_WITH_WGET = ["wget", "-q", "-O", "/dev/null", "--header"]
CLIENTS = {
    "curl": ("curl -H -d", CURL, curl(*JSON_D)),
    "curl_json": ("curl --json", CURL, curl("--json", ORDER)),
    "curl_chunked": (
        "curl, chunked",
        CURL,
        curl(*JSON_D, more=["-H", "Transfer-Encoding: chunked"]),
    ),
    "curl_expect": ("curl, Expect", CURL, curl(*JSON_D, more=["-H", "Expect: 100-continue"])),
    "python_requests": ("requests", *python("requests")),
    "python_requests_stream": (
        "requests, generator",
        python("requests")[0],
        [["{python}", "python_requests.py", "{url}", "stream"]],
    ),
    "python_httpx": ("httpx", *python("httpx")),
    "python_aiohttp": ("aiohttp", *python("aiohttp")),
    "python_urllib": ("Python urllib.request", *python("urllib.request")),
    "python_http_client": ("Python http.client", *python("http.client")),
    "node_fetch": (
        "Node fetch, undici",
        ["node", "-p", "process.versions.undici"],
        [["node", "node_fetch.mjs", "{url}"]],
    ),
    "node_axios": (
        "axios",
        ["node", "-p", "require('axios').VERSION"],
        [["node", "node_axios.cjs", "{url}"]],
    ),
    "node_http": ("Node http.request, end(body)", NODE, [["node", "node_http.mjs", "{url}"]]),
    "node_http_write": (
        "Node http.request, write(body)",
        NODE,
        [["node", "node_http.mjs", "{url}", "write"]],
    ),
    "node_http_pipe": (
        "Node http.request, pipe",
        NODE,
        [["node", "node_http.mjs", "{url}", "pipe"]],
    ),
    "java_okhttp": (
        "OkHttp",
        ["dpkg-query", "-W", "-f", "${Version}", "libokhttp-java"],
        [["java", "-cp", JARS, "OkHttp.java", "{url}"]],
    ),
    "java_httpclient": ("Java HttpClient", JAVA, [["java", "JavaHttp.java", "{url}"]]),
    "java_httpclient_http11": (
        "Java HttpClient, HTTP_1_1",
        JAVA,
        [["java", "JavaHttp.java", "{url}", "http11"]],
    ),
    "go_nethttp": ("Go net/http", ["go", "version"], [["go", "run", "go_nethttp.go", "{url}"]]),
    "ruby_nethttp": (
        "Ruby Net::HTTP",
        ["ruby", "--version"],
        [["ruby", "ruby_nethttp.rb", "{url}"]],
    ),
    "php_curl": ("PHP curl", ["php", "--version"], [["php", "php_curl.php", "{url}"]]),
    "wget": (
        "wget",
        ["wget", "--version"],
        [
            [*POST_WITH_WGET, "Content-Type: application/json", "--post-data", ORDER]
            + ["{url}/api/orders"] * 2,
            [*POST_WITH_WGET, NDJSON[1], "--post-data", LINES, "{url}/api/orders/batch"],
            ["wget", "-q", "-O", "/dev/null", "{url}/api/menu"],
        ],
    ),
    "chromium": ("Chromium", ["chromium", "--version"], chromium("{url}/")),
    "chromium_cross_origin": (
        "Chromium, page of another origin",
        ["chromium", "--version"],
        chromium("http://localhost:{front}/?api={url}"),
    ),
}
# Name: (what the proxy is called, how to ask its version, the command that runs it, its settings).
PROXIES = {
    "nginx_default": ("nginx, HTTP/1.0", ["nginx", "-v"], ["nginx", "-c"], "nginx_default.conf"),
    "nginx_keepalive": (
        "nginx, keepalive",
        ["nginx", "-v"],
        ["nginx", "-c"],
        "nginx_keepalive.conf",
    ),
    "haproxy": ("HAProxy", ["haproxy", "-v"], ["haproxy", "-db", "-f"], "haproxy.cfg"),
    "caddy": (
        "Caddy",
        ["caddy", "version"],
        ["caddy", "run", "--adapter", "caddyfile", "--config"],
        "Caddyfile",
    ),
}
THROUGH_PROXIES = ["curl", "curl_chunked", "curl_expect", "chromium"]
