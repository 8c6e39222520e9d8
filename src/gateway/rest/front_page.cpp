// GET /: what a browser sees until there is a web client.
#include "gateway/rest/handlers.hpp"

namespace maru::gateway::rest {

void show_front_page(CallPtr call, const json::Value&) {
  const GatewayOptions& options = call->context().options;
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Maru</title>\n</head>\n"
      "<body>\n<main>\n<h1>Maru</h1>\n<p>A self-hosted chat server. It is running.</p>\n<dl>\n";
  html += "<dt>Version</dt><dd>" + options.version + "</dd>\n<dt>Identity</dt><dd>";
  html += call->is_open() ? "open: nicknames without proof, for demos and trusted networks"
                          : "accounts: log in with a password, or as a guest";
  html +=
      "</dd>\n</dl>\n<ul>\n<li><a href=\"/api/openapi.json\">REST API (OpenAPI)</a></li>\n"
      "<li><a href=\"/healthz\">Health</a></li>\n<li><a href=\"/readyz\">Readiness</a></li>\n"
      "</ul>\n<p>Socket.IO clients connect to this address, path <code>/socket.io/</code>.</p>\n"
      "</main>\n</body>\n</html>\n";
  Answer answer;
  answer.body = std::move(html);
  answer.content_type = "text/html; charset=utf-8";
  answer.fields = {{"Cross-Origin-Opener-Policy", "same-origin"}};
  call->answer(std::move(answer));
}

}  // namespace maru::gateway::rest
