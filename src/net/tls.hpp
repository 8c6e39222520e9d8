// TLS on a non-blocking descriptor, by OpenSSL, which only tls.cpp sees. TLS 1.2 and 1.3, forward
// secret AEAD ciphers, ALPN "http/1.1" and "http/1.0", no renegotiation, buffers released while
// idle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/io_thread.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace maru::net {

// Immutable after loading; any thread.
class Tls {
 public:
  explicit Tls(ssl_ctx_st* context) : context_(context) {}
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // A server session on `descriptor`, which stays the caller's. Null when memory is out.
  [[nodiscard]] ssl_st* new_session(int descriptor) const;

 private:
  ssl_ctx_st* context_;
};

enum class IoStatus : std::uint8_t { kDone, kWantRead, kWantWrite, kEnd, kFailed };
struct IoResult {
  IoStatus status = IoStatus::kFailed;
  std::size_t bytes = 0;
};

// The thread that has the connection. The handshake happens within reads and writes.
IoResult tls_read(ssl_st* session, std::span<char> into);
// After kWant* the next call must begin with the same bytes.
IoResult tls_write(ssl_st* session, std::string_view bytes);
[[nodiscard]] bool tls_has_pending(const ssl_st* session);
void tls_notify_close(ssl_st* session);
void tls_free(ssl_st* session);

// The value of Sec-WebSocket-Accept (RFC 6455, section 4.2.2). `key` as the client sent it.
std::string websocket_accept_value(std::string_view key);

}  // namespace maru::net
