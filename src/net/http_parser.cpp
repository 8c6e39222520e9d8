#include "net/http_parser.hpp"

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <iterator>

#include "base/ascii.hpp"
#include "base/limits.hpp"
#include "base/secret.hpp"

namespace maru::net {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;
using BeastView = boost::beast::string_view;

// A chunk header (extensions included) or the trailers may be so long.
constexpr std::size_t kChunkHeaderBytesMax = 4096;
// What the chunk headers of a body may weigh on top of it: one-byte chunks are six bytes each.
constexpr std::size_t kFramingFactor = 8;
constexpr std::size_t kFramingBytesFree = 16 * 1024;

std::string lower_case(BeastView text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

Method method_of(std::string_view name) {
  if (name == "GET") return Method::kGet;
  if (name == "POST") return Method::kPost;
  if (name == "HEAD") return Method::kHead;
  if (name == "PUT") return Method::kPut;
  if (name == "PATCH") return Method::kPatch;
  if (name == "DELETE") return Method::kDelete;
  if (name == "OPTIONS") return Method::kOptions;
  return Method::kOther;
}

}  // namespace

// Beast calls these while it parses. Fields after the head are trailers: dropped, so that nothing
// decided by then can be changed by them.
class HttpParser::Beast final : public http::basic_parser<true> {
 public:
  Beast(RequestHead& head, std::string& body) : head_(head), body_(body) {
    header_limit(static_cast<std::uint32_t>(limits::kHttpHeadBytesMax + 1));
    body_limit(boost::none);
  }

  std::size_t body_bytes_max = 0;
  bool too_large = false;
  bool http_1_1 = false;

 private:
  void on_request_impl(http::verb, BeastView method, BeastView target, int version,
                       ErrorCode&) override {
    http_1_1 = version == 11;
    head_.method_name = std::string(method);
    head_.target = std::string(target);
  }
  void on_response_impl(int, BeastView, int, ErrorCode&) override {}
  void on_field_impl(http::field, BeastView name, BeastView value, ErrorCode&) override {
    if (!in_head_) return;
    head_.fields.emplace_back(lower_case(name), std::string(value));
  }
  void on_header_impl(ErrorCode&) override { in_head_ = false; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(BeastView bytes, ErrorCode& error) override {
    return take(bytes, error);
  }
  void on_chunk_header_impl(std::uint64_t size, BeastView extensions, ErrorCode& error) override {
    if (extensions.size() > kChunkHeaderBytesMax) error = http::error::bad_chunk_extension;
    if (size > body_bytes_max - std::min(body_bytes_max, body_.size())) overflow(error);
  }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView bytes, ErrorCode& error) override {
    return take(bytes, error);
  }
  void on_finish_impl(ErrorCode&) override {}

  std::size_t take(BeastView bytes, ErrorCode& error) {
    if (bytes.size() > body_bytes_max - std::min(body_bytes_max, body_.size())) {
      overflow(error);
      return 0;
    }
    make_room(bytes.size());
    body_.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  // Growing must not leave a copy behind: it may be a password.
  void make_room(std::size_t bytes) {
    if (body_.empty() || body_.size() + bytes <= body_.capacity()) return;
    std::string grown;
    grown.reserve(2 * (body_.size() + bytes));
    grown = body_;
    wipe(body_);
    body_ = std::move(grown);
  }
  void overflow(ErrorCode& error) {
    too_large = true;
    error = http::error::body_limit;
  }

  RequestHead& head_;
  std::string& body_;
  bool in_head_ = true;
};

HttpParser::HttpParser() = default;
HttpParser::~HttpParser() {
  if (!body_.empty()) wipe(body_);
}

HttpParser::Progress HttpParser::refuse(int status, const char* detail) {
  fault_ = {status, detail};
  return Progress::kFaulty;
}

HttpParser::Progress HttpParser::feed_head(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  switch (finder_.look(bytes)) {
    case HeadFinder::Progress::kIncomplete:
      return Progress::kNeedMore;
    case HeadFinder::Progress::kFaulty:
      return refuse(finder_.fault().status, finder_.fault().detail);
    case HeadFinder::Progress::kComplete:
      break;
  }
  const std::string_view head =
      bytes.substr(finder_.head_begin(), finder_.head_end() - finder_.head_begin());
  const HeadFault fault = scan_head(head);
  if (fault.status != 0) return refuse(fault.status, fault.detail);

  beast_ = std::make_unique<Beast>(head_, body_);
  ErrorCode error;
  const std::size_t used = beast_->put(boost::asio::buffer(head.data(), head.size()), error);
  if (error || used != head.size() || !beast_->is_header_done()) {
    return refuse(400, "bad request head");
  }
  if (!accept_head()) return Progress::kFaulty;
  if (!has_body()) beast_.reset();
  consumed = finder_.head_end();
  return Progress::kComplete;
}

bool HttpParser::accept_head() {
  http_1_1_ = beast_->http_1_1;
  keep_alive_ = beast_->keep_alive();
  chunked_ = beast_->chunked();
  if (const auto length = beast_->content_length()) content_length_ = *length;
  head_.method = method_of(head_.method_name);
  head_only_ = head_.method == Method::kHead;
  take_absolute_target();
  join_cookies();
  head_.path_size = std::min(head_.target.find('?'), head_.target.size());
  bool upgrade_named = false;
  bool websocket_offered = false;
  for (const auto& [name, value] : head_.fields) {
    if (name == "connection" && list_contains(value, "upgrade")) upgrade_named = true;
    if (name == "upgrade" && list_contains(value, "websocket")) websocket_offered = true;
    if (name == "expect") {
      if (!equals_ignoring_case(value, "100-continue")) {
        refuse(417, "unknown expectation");
        return false;
      }
      expects_continue_ = http_1_1_;
    }
  }
  head_.wants_websocket =
      upgrade_named && websocket_offered && http_1_1_ && head_.method == Method::kGet;
  return true;
}

// RFC 9113, section 8.2.3: HTTP/2 splits them, and a proxy to HTTP/1.1 may leave them so.
void HttpParser::join_cookies() {
  const auto is_cookie = [](const auto& field) { return field.first == "cookie"; };
  const auto first = std::ranges::find_if(head_.fields, is_cookie);
  if (first == head_.fields.end()) return;
  const auto rest = std::ranges::remove_if(std::next(first), head_.fields.end(), [&](auto& field) {
    if (!is_cookie(field)) return false;
    first->second.append("; ").append(field.second);
    return true;
  });
  head_.fields.erase(rest.begin(), rest.end());
}

// RFC 9112, section 3.2.2: "http://host/path" counts as "/path", and its host replaces Host.
void HttpParser::take_absolute_target() {
  if (head_.target[0] == '/' || head_.target == "*") return;
  const std::size_t authority = head_.target.find("://") + 3;
  const std::size_t end =
      std::min(head_.target.find_first_of("/?", authority), head_.target.size());
  const std::string host = head_.target.substr(authority, end - authority);
  for (auto& [name, value] : head_.fields) {
    if (name == "host") value = host;
  }
  head_.target.erase(0, end);
  if (!head_.target.starts_with('/')) head_.target.insert(0, 1, '/');
}

HttpParser::Progress HttpParser::feed_body(std::string_view bytes, std::size_t body_bytes_max,
                                           std::size_t& consumed) {
  consumed = 0;
  if (!beast_ || beast_->is_done()) return Progress::kComplete;
  if (content_length_.value_or(0) > body_bytes_max) return Progress::kTooLarge;
  beast_->body_bytes_max = body_bytes_max;
  while (true) {
    if (bytes.size() == consumed) return Progress::kNeedMore;
    ErrorCode error;
    const std::size_t before = body_.size();
    const std::size_t used =
        beast_->put(boost::asio::buffer(bytes.data() + consumed, bytes.size() - consumed), error);
    consumed += used;
    framing_bytes_ += used - std::min(used, body_.size() - before);
    if (beast_->too_large) return Progress::kTooLarge;
    if (framing_bytes_ > kFramingBytesFree + kFramingFactor * body_.size()) {
      return refuse(400, "too much chunk framing");
    }
    if (error && error != http::error::need_more) return refuse(400, "bad request body");
    if (beast_->is_done()) return Progress::kComplete;
    if (error == http::error::need_more || used == 0) {
      const bool stuck = bytes.size() - consumed > kChunkHeaderBytesMax;
      return stuck ? refuse(400, "chunk header too large") : Progress::kNeedMore;
    }
  }
}

}  // namespace maru::net
