// GET /: what a browser sees until there is a web client.
#include <sodium.h>

#include <array>

#include "gateway/rest/handlers.hpp"

namespace maru::gateway::rest {
namespace {

constexpr std::string_view kStyle = R"css(
:root { --ink: #22201c; --soft: #6b655b; --page: #faf8f4; --floor: #b98a52; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ece7dd; --soft: #a39b8d; --page: #1b1916; --floor: #d3a66d; }
}
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 34rem; margin: 0 auto; padding: 12vh 1.5rem 3rem; }
h1 { margin: 0; font-size: 2.5rem; line-height: 1.2; }
h1 small { color: var(--soft); font-size: 1.25rem; font-weight: 400; }
hr { width: 4rem; height: .35rem; margin: 1.25rem 0; border: 0; border-radius: 1rem; background: var(--floor); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; }
dt { color: var(--soft); }
dd { margin: 0; }
a { color: inherit; text-decoration-color: var(--floor); text-underline-offset: .2em; }
a:focus-visible { outline: .15rem solid var(--floor); outline-offset: .2rem; }
code { overflow-wrap: anywhere; }
)css";

// The page's policy allows this one style and nothing else (quality.md 1, row 15).
std::string policy() {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(kStyle.data()),
                     kStyle.size());
  std::array<char, sodium_base64_ENCODED_LEN(hash.size(), sodium_base64_VARIANT_ORIGINAL)> text{};
  sodium_bin2base64(text.data(), text.size(), hash.data(), hash.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  return "default-src 'none'; style-src 'sha256-" + std::string(text.data()) +
         "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
}

}  // namespace

Answering show_front_page(Call& call, const json::Value&) {
  static const std::string content_security_policy = policy();
  std::string html =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Maru</title>\n<style>";
  html += kStyle;
  html +=
      "</style>\n</head>\n<body>\n<main>\n<h1>Maru <small lang=\"ko\">마루</small></h1>\n<hr>\n"
      "<p>A self-hosted chat server. It is running.</p>\n<dl>\n<dt>Version</dt><dd>";
  html += call.context().options.version;
  html += "</dd>\n<dt>Identity</dt><dd>";
  html += call.is_open() ? "open: nicknames without proof, for demos and trusted networks"
                         : "accounts: log in with a password, or as a guest";
  html +=
      "</dd>\n<dt>Socket.IO</dt><dd>this address, path <code>/socket.io/</code></dd>\n"
      "<dt>REST</dt><dd><a href=\"/api/openapi.json\">described by OpenAPI</a></dd>\n"
      "<dt>Operations</dt><dd><a href=\"/healthz\">health</a> · <a href=\"/readyz\">readiness</a>"
      "</dd>\n</dl>\n</main>\n</body>\n</html>\n";
  Answer answer;
  answer.body = std::move(html);
  answer.content_type = "text/html; charset=utf-8";
  answer.fields = {{"Cross-Origin-Opener-Policy", "same-origin"}};
  answer.content_security_policy = content_security_policy;
  return answered(std::move(answer));
}

}  // namespace maru::gateway::rest
