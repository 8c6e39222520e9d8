// HTTP/1.1 requests and WebSocket frames on any bytes, cut anywhere: no cut changes what is read,
// no bound is passed, and what an upgrade leaves behind the head is read as frames.
//
// The first byte says where to begin (odd: in the midst of a WebSocket) and seeds the cuts.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "check.hpp"
#include "net/address.hpp"
#include "net/http_parser.hpp"
#include "net/http_response.hpp"
#include "net/utf8.hpp"
#include "net/websocket_decoder.hpp"
#include "net/websocket_handshake.hpp"

namespace {

using maru::net::HttpParser;
using maru::net::RequestHead;
using maru::net::WebSocketDecoder;

constexpr std::size_t kBodyBytesMax = 300;
constexpr std::size_t kMessageBytesMax = 300;
constexpr std::size_t kRequestsMax = 20;

// A plain generator of piece lengths; short pieces are frequent.
class Cuts {
 public:
  explicit Cuts(std::uint32_t seed) : state_(seed * 2654435761U + 1) {}
  std::size_t next() {
    state_ = state_ * 1664525U + 1013904223U;
    const std::uint32_t draw = state_ >> 16;
    return draw % 4 != 0 ? 1 + draw % 7 : 1 + draw % 600;
  }

 private:
  std::uint32_t state_;
};

void check_head(const RequestHead& head, std::string& log) {
  MARU_FUZZ_CHECK(!head.target.empty());
  MARU_FUZZ_CHECK(head.target[0] == '/' || head.target == "*");
  MARU_FUZZ_CHECK(head.fields.size() <= maru::limits::kHttpFieldsMax);
  int hosts = 0;
  for (const auto& [name, value] : head.fields) {
    MARU_FUZZ_CHECK(maru::net::is_token(name));
    MARU_FUZZ_CHECK(value.find_first_of("\r\n") == std::string::npos);
    hosts += name == "host" ? 1 : 0;
    log += name + "=" + value + ";";
  }
  MARU_FUZZ_CHECK(hosts <= 1);
  RequestHead described = head;
  static const maru::net::TrustedProxies kProxies({"127.0.0.0/8", "10.0.0.1"});
  (void)kProxies.describe(*maru::net::Address::parse("127.0.0.1"), false, described);
  MARU_FUZZ_CHECK(maru::net::Address::parse(described.peer_address).has_value());
  const auto value = maru::net::query_value(head.query(), "sid");
  MARU_FUZZ_CHECK(value.value.size() <= head.target.size());
  log += head.method_name + " " + head.target + "\n";
}

void note_event(const WebSocketDecoder::Event& event, std::string& log) {
  using Kind = WebSocketDecoder::Kind;
  const bool data = event.kind == Kind::kText || event.kind == Kind::kBinary;
  MARU_FUZZ_CHECK(event.payload.size() <= (data ? kMessageBytesMax : 125));
  if (event.kind == Kind::kText) MARU_FUZZ_CHECK(maru::net::is_valid_utf8(event.payload));
  if (event.kind == Kind::kError) {
    MARU_FUZZ_CHECK(event.status >= 1002 && event.status <= 1009);
  }
  log += "event " + std::to_string(static_cast<int>(event.kind)) + " " +
         std::to_string(event.status) + " ";
  log += event.payload;
  log += "\n";
}

// A connection: requests, then perhaps frames. What it read, as text.
class Reader {
 public:
  explicit Reader(bool in_websocket) : in_websocket_(in_websocket) {}

  void feed(std::string_view bytes) {
    unread_ += bytes;
    while (!ended_ && step()) {
    }
  }
  [[nodiscard]] const std::string& log() const { return log_; }

 private:
  bool step() {
    if (in_websocket_) return step_websocket();
    if (!parser_) parser_ = std::make_unique<HttpParser>();
    std::size_t used = 0;
    const auto progress = in_body_ ? parser_->feed_body(unread_, kBodyBytesMax, used)
                                   : parser_->feed_head(unread_, used);
    MARU_FUZZ_CHECK(used <= unread_.size());
    unread_.erase(0, used);
    switch (progress) {
      case HttpParser::Progress::kNeedMore:
        return false;
      case HttpParser::Progress::kFaulty:
        MARU_FUZZ_CHECK(parser_->fault().status >= 400 && parser_->fault().status <= 505);
        return end("faulty " + std::to_string(parser_->fault().status));
      case HttpParser::Progress::kTooLarge:
        MARU_FUZZ_CHECK(in_body_);
        return end("too large");
      case HttpParser::Progress::kComplete:
        return in_body_ ? finish_request() : take_head();
    }
    return false;
  }

  bool take_head() {
    check_head(parser_->head(), log_);
    if (parser_->head().wants_websocket) {
      const auto offer = maru::net::read_websocket_offer(parser_->head());
      if (!offer.valid) return end("bad offer");
      MARU_FUZZ_CHECK(offer.protocol.empty() || maru::net::is_token(offer.protocol));
      in_websocket_ = true;
      return true;
    }
    in_body_ = parser_->has_body();
    return in_body_ || finish_request();
  }

  bool finish_request() {
    MARU_FUZZ_CHECK(parser_->body().size() <= kBodyBytesMax);
    log_ += "body " + parser_->body() + "\n";
    parser_.reset();
    in_body_ = false;
    if (++requests_ == kRequestsMax) return end("enough");
    return true;
  }

  bool step_websocket() {
    std::span<char> input(unread_);
    while (true) {
      const auto event = decoder_.next(input, 0);
      if (event.kind == WebSocketDecoder::Kind::kNeedMore) break;
      note_event(event, log_);
    }
    MARU_FUZZ_CHECK(input.empty());
    unread_.clear();
    return false;
  }

  bool end(const std::string& why) {
    log_ += why + "\n";
    ended_ = true;
    return false;
  }

  std::unique_ptr<HttpParser> parser_;
  WebSocketDecoder decoder_{kMessageBytesMax};
  std::string unread_;
  std::string log_;
  std::size_t requests_ = 0;
  bool in_websocket_;
  bool in_body_ = false;
  bool ended_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const bool in_websocket = (data[0] & 1) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);

  Reader whole(in_websocket);
  whole.feed(bytes);

  Reader cut(in_websocket);
  Cuts cuts(data[0]);
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view piece = bytes.substr(at, cuts.next());
    cut.feed(piece);
    at += piece.size();
  }
  // Past the size of a chunk header, and of a head, a fault may be found earlier or later.
  if (bytes.size() <= 4000) MARU_FUZZ_CHECK(whole.log() == cut.log());
  return 0;
}
