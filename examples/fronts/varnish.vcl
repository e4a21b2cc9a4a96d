# varnishd -F -f varnish.vcl -a 127.0.0.1:8080 -s malloc,1g

vcl 4.1;

backend origin {
  .host = "127.0.0.1";
  .port = "${ORIGIN_PORT}";
}

sub vcl_recv {
  # Varnish has no multipart responses: to several ranges it responds 416, or 503 when it passes them.
  if (req.http.Range && (req.method != "GET" ||
      req.http.Range !~ "^bytes=([0-9]+-[0-9]*|-[0-9]*[1-9][0-9]*)$")) {
    unset req.http.Range;
  }
}

sub vcl_backend_response {
  # A file that was being written.
  if (beresp.http.ETag ~ "^W/") { set beresp.ttl = 2s; }
  set beresp.grace = 0s;
  # It is revalidated for a day, instead of fetched again.
  set beresp.keep = 1d;
}

sub vcl_deliver {
  if (obj.hits > 0) { set resp.http.X-Cache = "HIT"; } else { set resp.http.X-Cache = "MISS"; }
}
