use http::header::{ALLOW, UPGRADE};

use super::*;

fn endpoint() -> SockJsEndpoint {
    let options = SockJsOptions { legacy: true, script: "http://x/lib.js".to_owned(), ..Default::default() };
    SockJsEndpoint::new(options)
}

fn head(method: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().method(method).uri("/echo/000/abc/x?c=cb");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

const UPGRADES: [(&str, &str); 3] =
    [("connection", "keep-alive, Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")];

fn show(verdict: SockJsVerdict) -> String {
    match verdict {
        SockJsVerdict::Respond { response, shared, kept } => {
            let header = |name: &str| {
                let value = response.headers().get(name).map(|value| value.to_str().expect("text"));
                value.map(|value| format!(" {value}")).unwrap_or_default()
            };
            let allow = header(ALLOW.as_str());
            let body = String::from_utf8_lossy(response.body()).replace('\n', "\\n");
            let marks = [(shared, " shared"), (kept, " kept")];
            let marks: String = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
            format!("{}{allow}{}{marks} {body}", response.status().as_u16(), header("content-type"))
        }
        SockJsVerdict::Page(response) => {
            format!("page {} {}", response.status().as_u16(), String::from_utf8_lossy(response.body()))
        }
        SockJsVerdict::Raw => "raw".to_owned(),
        SockJsVerdict::WebSocket => "websocket".to_owned(),
        SockJsVerdict::Receive { id, transport } => format!("receive {id} {transport:?}"),
        SockJsVerdict::Send { id, jsonp } => format!("send {id}{}", if jsonp { " jsonp" } else { "" }),
    }
}

fn ask(endpoint: &SockJsEndpoint, method: &str, rest: &str, headers: &[(&str, &str)]) -> String {
    show(endpoint.request(rest, &head(method, headers), 7))
}

const NOT_FOUND: &str = "404 text/plain; charset=UTF-8 404 Error: Page not found\\n";

#[test]
fn paths_and_methods() {
    let endpoint = endpoint();
    let ask = |method: &str, rest: &str| ask(&endpoint, method, rest, &[]);
    for (method, rest, expected) in [
        ("GET", "", "200 text/plain; charset=UTF-8 Welcome to SockJS!\\n"),
        ("GET", "/", "200 text/plain; charset=UTF-8 Welcome to SockJS!\\n"),
        ("POST", "/", "405 GET "),
        ("HEAD", "", "405 GET "),
        (
            "GET",
            "/info",
            "200 application/json; charset=UTF-8 shared {\"websocket\":true,\"origins\":[\"*:*\"],\"cookie_needed\":false,\"entropy\":7}",
        ),
        ("OPTIONS", "/info/", "204 shared kept "),
        ("POST", "/info", "405 OPTIONS, GET "),
        ("GET", "/000/abc/eventsource", "receive abc EventSource"),
        ("GET", "/000/abc/htmlfile", "receive abc HtmlFile"),
        ("GET", "/000/abc/jsonp/", "receive abc Jsonp"),
        ("POST", "/s/%2e%2F/xhr", "receive %2e%2F Polling"),
        ("POST", "/0/a/xhr_streaming", "receive a Streaming"),
        ("POST", "/0/a/xhr_send", "send a"),
        ("POST", "/0/a/jsonp_send", "send a jsonp"),
        ("OPTIONS", "/0/a/xhr", "204 shared kept "),
        ("OPTIONS", "/0/a/xhr_send", "204 shared kept "),
        ("GET", "/0/a/xhr", "405 POST, OPTIONS "),
        ("GET", "/0/a/xhr_send", "405 POST, OPTIONS "),
        ("HEAD", "/0/a/eventsource", "405 GET "),
        ("OPTIONS", "/0/a/eventsource", "405 GET "),
        ("GET", "/0/a/jsonp_send", "405 POST "),
        ("GET", "/websocket", "400 text/plain; charset=UTF-8 Not a valid websocket request"),
        ("GET", "/0/a/websocket", "400 text/plain; charset=UTF-8 Not a valid websocket request"),
        ("POST", "/0/a/websocket", "405 GET "),
        ("POST", "/websocket", "405 GET "),
    ] {
        assert_eq!(ask(method, rest), expected, "{method} {rest}");
    }
    for rest in [
        "//",
        "/x",
        "/info//",
        "/0/a",
        "/0/a/",
        "//a/xhr",
        "/0//xhr",
        "/0/a.b/xhr",
        "/0.1/a/xhr",
        "/0/a/xhr/b",
        "/0/a/b/xhr",
        "/0/a/XHR",
        "/0/a/xhr//",
        "/0/a;b/xhr",
        "/0/a/chunking_test",
        "/IFRAME.HTML",
        "/iframeA.html",
        "/iframe.htm",
        "/iframeXhtml",
        "/0/a/x%68r",
        "info",
    ] {
        assert_eq!(ask("POST", rest), NOT_FOUND, "{rest}");
    }
    let long = "x".repeat(LONGEST_SEGMENT + 1);
    assert_eq!(ask("POST", &format!("/0/{long}/xhr")), NOT_FOUND);
    assert_eq!(ask("POST", &format!("/{long}/a/xhr")), NOT_FOUND);
}

#[test]
fn an_upgrade_is_one_where_there_are_websockets_alone() {
    let endpoint = endpoint();
    for (rest, expected) in [
        ("/websocket", "raw"),
        ("/websocket/", "raw"),
        ("/0/a/websocket", "websocket"),
        ("/", "200 text/plain; charset=UTF-8 Welcome to SockJS!\\n"),
        ("/0/a/xhr", "405 POST, OPTIONS "),
        ("/0/a/eventsource", "receive a EventSource"),
        ("/nowhere", NOT_FOUND),
    ] {
        assert_eq!(ask(&endpoint, "GET", rest, &UPGRADES), expected, "{rest}");
    }
    const NOT: &str = "400 text/plain; charset=UTF-8 Not a valid websocket request";
    for headers in [
        [("connection", "Upgrade"), (UPGRADE.as_str(), "h2c"), ("sec-websocket-version", "13")],
        [("connection", "close"), (UPGRADE.as_str(), "websocket"), ("sec-websocket-version", "13")],
        [("connection", "Upgrade"), (UPGRADE.as_str(), "websocket"), ("sec-websocket-version", "7")],
    ] {
        assert_eq!(ask(&endpoint, "GET", "/0/a/websocket", &headers), NOT);
    }
    let old = [("connection", "Upgrade"), (UPGRADE.as_str(), "websocket"), ("sec-websocket-version", "7")];
    let expected = "400 text/plain; charset=UTF-8 Only supported WebSocket protocol is RFC 6455.";
    assert_eq!(ask(&endpoint, "GET", "/websocket", &old), expected);

    let without = SockJsEndpoint::new(SockJsOptions { websocket: false, ..Default::default() });
    for rest in ["/websocket", "/0/a/websocket"] {
        let expected = NOT_FOUND.replace("UTF-8 ", "UTF-8 kept ");
        assert_eq!(ask(&without, "GET", rest, &UPGRADES), expected);
        assert_eq!(ask(&without, "POST", rest, &[]), "405 GET ");
    }
    assert!(ask(&without, "GET", "/info", &[]).contains("\"websocket\":false"));
}

#[test]
fn what_only_old_browsers_need_is_off_by_itself() {
    let endpoint = SockJsEndpoint::new(SockJsOptions::default());
    for (method, rest) in [
        ("GET", "/0/a/jsonp"),
        ("POST", "/0/a/jsonp_send"),
        ("GET", "/0/a/htmlfile"),
        ("GET", "/iframe.html"),
        ("POST", "/0/a/htmlfile"),
    ] {
        assert_eq!(ask(&endpoint, method, rest, &[]), NOT_FOUND, "{rest}");
    }
    assert_eq!(ask(&endpoint, "GET", "/0/a/eventsource", &[]), "receive a EventSource");
}

#[test]
fn the_page_for_iframes() {
    let endpoint = endpoint();
    let tag = "\"85bd890d6c7e606784ecfee8d061d0a0\"";
    for rest in ["/iframe.html", "/iframe-1.6.1.html", "/iframe_x-09.html/"] {
        let SockJsVerdict::Page(response) = endpoint.request(rest, &head("GET", &[]), 0) else {
            panic!("a page")
        };
        assert_eq!(response.headers()["etag"], tag);
        assert_eq!(response.headers()["content-type"], "text/html; charset=UTF-8");
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000");
        assert_eq!(response.body().len(), 424);
    }
    let again = |tags: &str| {
        let SockJsVerdict::Page(response) =
            endpoint.request("/iframe.html", &head("GET", &[("if-none-match", tags)]), 0)
        else {
            panic!("an answer")
        };
        (response.status().as_u16(), response.body().len(), response.headers().contains_key("etag"))
    };
    assert_eq!(again(tag), (304, 0, false));
    assert_eq!(again(&format!("W/{tag}")), (200, 424, true));
    assert_eq!(ask(&endpoint, "POST", "/iframe.html", &[]), "405 GET ");

    let options = SockJsOptions { legacy: true, script: "x?a&b\"><script>".to_owned(), ..Default::default() };
    let page = ask(&SockJsEndpoint::new(options), "GET", "/iframe.html", &[]);
    assert!(page.contains("<script src=\"x?a&amp;b&quot;>&lt;script>\"></script>"), "{page}");
}

#[test]
fn a_callback_is_asked_for_before_a_session() {
    let endpoint = endpoint();
    for rest in ["/0/a/jsonp", "/0/a/htmlfile"] {
        for (query, expected) in [
            ("/x", "500 text/plain; charset=UTF-8 \"callback\" parameter required"),
            ("/x?c=a%28", "500 text/plain; charset=UTF-8 invalid \"callback\" parameter"),
        ] {
            let mut head = head("GET", &[]);
            *head.uri_mut() = query.parse().expect("a path");
            assert_eq!(show(endpoint.request(rest, &head, 0)), expected);
        }
    }
}

#[test]
fn what_a_client_sends_comes_back_only_if_it_is_harmless() {
    let options = SockJsOptions { cookie: true, ..Default::default() };
    let endpoint = SockJsEndpoint::new(options);
    let cookie = |cookies: &str| {
        let mut headers = HeaderMap::new();
        endpoint.mark(&head("POST", &[("cookie", cookies)]), &mut headers);
        headers["set-cookie"].to_str().expect("text").to_owned()
    };
    assert_eq!(cookie("a=b; JSESSIONID=node1.x_-!=rest; c=d"), "JSESSIONID=node1.x_-!; path=/");
    for hostile in ["JSESSIONID=a,b", "JSESSIONID=", "JSESSIONID=a\"b", "JSESSION=1", "x"] {
        assert_eq!(cookie(hostile), "JSESSIONID=dummy; path=/", "{hostile}");
    }
    assert_eq!(cookie(&format!("JSESSIONID={}", "x".repeat(200))), "JSESSIONID=dummy; path=/");

    let preflight = |asked: &str| {
        let head = head("OPTIONS", &[("access-control-request-headers", asked)]);
        let SockJsVerdict::Respond { mut response, shared: true, .. } =
            endpoint.request("/0/a/xhr", &head, 0)
        else {
            panic!("an answer that pages may read")
        };
        let headers = response.headers_mut();
        SockJsEndpoint::allow_headers(&head, headers);
        assert_eq!(headers["access-control-allow-methods"], "OPTIONS, POST");
        assert_eq!(headers["access-control-max-age"], "31536000");
        assert_eq!(headers["set-cookie"], "JSESSIONID=dummy; path=/");
        headers.get("access-control-allow-headers").map(|value| value.to_str().expect("text").to_owned())
    };
    assert_eq!(preflight("X-A, content-type").as_deref(), Some("X-A, content-type"));
    assert_eq!(preflight(""), None);
    assert_eq!(preflight("a;b"), None);
    assert_eq!(preflight(&"x".repeat(1025)), None);
    // Without the option, no cookie.
    let mut headers = HeaderMap::new();
    SockJsEndpoint::new(SockJsOptions::default()).mark(&head("GET", &[]), &mut headers);
    assert!(headers.is_empty());
}
