// HTTP/1.1 as its users see it: a request head, a response, and a handle to answer an exchange
// with. The connections behind it are this folder's own business.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/budget.hpp"

namespace maru::net {

class IoThread;
class WebSocketConnection;
class WebSocketHandler;

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

// Owns its text. Field names are lower-case; the field section was checked before (one Host, no
// smuggling, no obs-fold; quality.md 1, rows 21 and 26).
struct RequestHead {
  Method method = Method::kOther;
  std::string method_name;
  std::string target;  // raw, "/socket.io/?EIO=4&transport=polling"
  std::size_t path_size = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string peer_address;    // numeric; after a trusted proxy's X-Forwarded-For, the client's
  std::string forwarded_host;  // a trusted proxy's X-Forwarded-Host; empty if there is none
  bool from_loopback = false;  // the TCP peer itself
  // peer_address is loopback's or a trusted proxy's: it speaks for many.
  bool exempt_from_address_limits = false;
  bool has_forwarding_header = false;
  bool secure = false;           // own TLS, or X-Forwarded-Proto: https from a trusted proxy
  bool wants_websocket = false;  // a GET of HTTP/1.1 that offers to change to "websocket"

  [[nodiscard]] std::string_view path() const {
    return std::string_view(target).substr(0, path_size);
  }
  // Without '?'; empty if there is none.
  [[nodiscard]] std::string_view query() const {
    return target.size() > path_size ? std::string_view(target).substr(path_size + 1)
                                     : std::string_view();
  }
  // The first field of that (lower-case) name, or empty. Of cookies there is one: several lines
  // were joined (RFC 9113, section 8.2.3).
  [[nodiscard]] std::string_view field(std::string_view name) const;
  // The host, with its port if it has one, by which the client reached the server.
  [[nodiscard]] std::string_view own_host() const {
    return forwarded_host.empty() ? field("host") : std::string_view(forwarded_host);
  }
};

// Who holds the unwritten answers to a request of which no more is known than its address: that
// address, or many.
SharedBudget::Holder holder_of(const RequestHead& head);

// The first value of `name` in a raw query string, percent-decoded, '+' as a space; found is false
// if it is absent. Bad escapes are kept as they stand.
struct QueryValue {
  bool found = false;
  std::string value;
};
QueryValue query_value(std::string_view query, std::string_view name);
std::string percent_decode(std::string_view text);

// Move-only.
struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no Content-Type field
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool close = false;  // end the connection after this answer
  // What was reserved for it (NetOptions::answer_bytes), held until it was written. Without one the
  // connection asks for itself.
  SharedBudget::Lease lease;

  void set(std::string name, std::string value) {
    fields.emplace_back(std::move(name), std::move(value));
  }
};

// Names one request on one I/O thread. A value: copy it, keep it as long as you like; once the
// exchange was answered or its connection is gone, every call does nothing.
class HttpExchange {
 public:
  HttpExchange() = default;
  HttpExchange(IoThread* thread, std::uint64_t id) : thread_(thread), id_(id) {}

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] IoThread& thread() const { return *thread_; }
  bool operator==(const HttpExchange&) const = default;

  // Owner thread only. Answers; the connection goes on with the next request unless `close`.
  void respond(HttpResponse response) const;
  // Any thread: the same, by way of the owner's loop.
  void post_response(HttpResponse response) const;
  // Owner thread only. Ends the connection without an answer (an overlapping POST, protocol.md 1.4;
  // a poll whose client shall come back).
  void destroy() const;
  // Owner thread only, in on_upgrade or later. Writes the 101 with `fields` and turns the
  // connection into a WebSocket that reports to `handler`, which must outlive it (on_closed is the
  // last call). Null when the connection is gone or the handshake is faulty (answered 400 then).
  WebSocketConnection* accept_websocket(
      WebSocketHandler& handler,
      const std::vector<std::pair<std::string, std::string>>& fields = {}) const;

 private:
  IoThread* thread_ = nullptr;
  std::uint64_t id_ = 0;
};

// What to do with a request whose head has arrived.
struct HeadVerdict {
  enum class Kind : std::uint8_t {
    kReadBody,  // up to body_bytes_max, counted on the stream, chunked too; past it
                // on_body_too_large
    kAnswered,  // the handler has answered already; the body is skipped or the connection closed
    kMove,      // the connection, with all it has read, belongs on I/O thread `thread`
  };
  Kind kind = Kind::kReadBody;
  std::size_t body_bytes_max = 0;
  unsigned thread = 0;
  // Whether a client that ends its own side of the stream is taken to be gone (a poll). Otherwise a
  // request that is whole is still answered.
  bool abort_at_half_close = false;
  // The body may hold a password: nothing of it stays in the connection's buffers.
  bool carries_secret = false;
};

// One per I/O thread; called on it only.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // The head is whole, the body still to come; also before on_upgrade. After kMove it is called
  // again on the other thread. `head` is good until the call returns, even if it answers.
  virtual HeadVerdict on_head(HttpExchange exchange, const RequestHead& head) = 0;
  // Head and body are whole.
  virtual void on_request(HttpExchange exchange, RequestHead&& head, std::string&& body) = 0;
  // The body passed its bound. The handler answers (413); the connection closes after that.
  virtual void on_body_too_large(HttpExchange exchange, const RequestHead& head) = 0;
  // A request that wants_websocket. Accept it with accept_websocket(), or respond(). Offers of
  // other protocols are ignored, as RFC 9110, section 7.8 allows: such requests are like any other.
  virtual void on_upgrade(HttpExchange exchange, RequestHead&& head) = 0;
  // The client went away (for which see abort_at_half_close) after on_head and before it was
  // answered. Last call for that exchange.
  virtual void on_aborted(HttpExchange exchange) = 0;
  // Memory is short (base/memory.hpp): let go of what is held for those who do not fetch it.
  virtual void on_memory_short() {}
};

}  // namespace maru::net
