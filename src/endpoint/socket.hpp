// What an application sees of Socket.IO: connect requests, sockets, events. One Endpoint and one
// Application per I/O thread; everything here is called on that thread only.
//
// Words: *session* = an Engine.IO session (its `sid` is secret); *socket* = a Socket.IO client of
// one namespace (its `sid` is public). Source: protocol.md 1.10, socket.io-protocol v5.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/reader.hpp"
#include "net/frame.hpp"
#include "net/http.hpp"
#include "net/websocket.hpp"

namespace maru::endpoint {

class Endpoint;

// What the application wants to remember of the request that opened a session (cookie, address, …).
// Owned by the session, made by Application::on_request, gone with the session. Keep it small.
class HandshakeData {
 public:
  virtual ~HandshakeData() = default;
};

// Asked for every HTTP request and upgrade on the endpoint's path, before anything else is looked
// at.
struct RequestVerdict {
  bool allowed = true;            // false: 403 {"code":4,…} (403 and plain text on an upgrade)
  std::string forbidden_message;  // empty: "Forbidden"
  // Added to every answer, errors and the 101 included (CORS).
  std::vector<std::pair<std::string, std::string>> fields;
  // For a request without sid: what to keep with the session that it opens. May be null.
  std::unique_ptr<HandshakeData> data;
};

enum class DisconnectReason : std::uint8_t {
  kTransportError,
  kTransportClose,
  kForcedClose,  // a decode error or protocol violation by the client
  kPingTimeout,
  kParseError,  // an Engine.IO packet that is none
  kServerShuttingDown,
  kForcedServerClose,  // disconnect() with kWithTransport
  kClientNamespaceDisconnect,
  kServerNamespaceDisconnect,
  kLetGo,  // disconnect() with kTransportOnly, PendingConnect::close(), or a deadline of ours
  kSlowConsumer,
};
std::string_view to_string(DisconnectReason reason);  // "transport error", … (socket-types.ts)
// Whether connection state recovery may follow (protocol.md, CSR).
bool is_recoverable(DisconnectReason reason);

using AckId = std::uint64_t;

struct Event {
  std::string_view name;  // the event; a number as its digits
  json::Value arguments;  // the whole array, [0] is the name; ends with the call
  std::string_view text;  // the same as it came, "[\"message\",1]"; ends with the call
  std::optional<AckId> ack;
  bool binary = false;  // came as BINARY_EVENT
  std::span<const std::string> attachments;
  // Well-formed JSON that breaks a bound of json::Parser (too deep, duplicate keys, …): answer with
  // this; name and arguments are absent. The connection stays, as it does for any bad payload.
  const Error* refused = nullptr;
};

enum class Disconnect : std::uint8_t {
  kSocketOnly,     // `41`; the transport stays
  kWithTransport,  // `41`, then the transport is closed: clients do not come back by themselves
  kTransportOnly,  // ends as a lost connection does: clients come back (overload, another took
                   // over)
};

class Socket {
 public:
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] std::string_view id() const;              // public sid, 20 characters
  [[nodiscard]] std::string_view namespace_name() const;  // "/" …
  [[nodiscard]] HandshakeData* handshake_data() const;
  // Random, of its session: the same for whatever joins and leaves on one connection.
  [[nodiscard]] std::uint64_t session_tag() const;

  // The application's own object for this socket; not owned.
  void set_user(void* user) { user_ = user; }
  template <class T>
  [[nodiscard]] T* user() const {
    return static_cast<T*>(user_);
  }

  // A ready packet for namespace "/": `42[…]` framed. The hot path: no copy, no allocation.
  // kSlowConsumer: the transport is closing, on_disconnect follows, never from within.
  net::SendResult send(const net::TextFrame& packet);
  // Encodes `42[nsp,]` + `arguments_json`, which is a whole JSON array with the event name first.
  net::SendResult emit(std::string_view arguments_json);
  // As emit, but dropped unless the transport can write at once.
  void emit_volatile(std::string_view arguments_json);
  // `arguments_json` is a whole JSON array.
  void acknowledge(AckId ack, std::string_view arguments_json);
  // As emit and acknowledge with attachments: `arguments_json` has the placeholders in it already.
  void emit_binary(std::string_view arguments_json, std::span<const std::string> attachments);
  void acknowledge_binary(AckId ack, std::string_view arguments_json,
                          std::span<const std::string> attachments);

  void disconnect(Disconnect how);

  // Back-pressure: the session's input waits (WebSocket unread; a polling POST unanswered), and its
  // heartbeat deadline rests meanwhile. Counted: each pause needs its resume.
  void pause_reading();
  void resume_reading();

  [[nodiscard]] bool is_websocket() const;

 protected:
  Socket() = default;
  ~Socket() = default;

 private:
  void* user_ = nullptr;
};

// A CONNECT that waits for the application. A value; it may be answered in the call or later on the
// same thread. Once the transport has gone, or it was answered, calls do nothing (accept: null).
class PendingConnect {
 public:
  PendingConnect() = default;
  PendingConnect(Endpoint* endpoint, std::uint64_t key) : endpoint_(endpoint), key_(key) {}

  struct Accept {
    std::string sid;  // empty: a fresh one; a recovered socket has its old one
    std::string pid;  // empty: connection state recovery is off for this socket
    // Written before `40{…}`: what a recovered client missed, in order.
    std::vector<net::TextFrame> missed;
    // Nobody answers for it: while it polls it stays among those that count by address (lobby.hpp).
    bool anonymous = false;
  };
  Socket* accept(const Accept& accept) const;
  Socket* accept() const;
  // `44{"message":…,"data":…}`; data_json empty: no data. The connection stays until its time-out.
  void refuse(std::string_view message, std::string_view data_json = {}) const;
  // As Disconnect::kTransportOnly: the client comes back by itself.
  void close() const;
  [[nodiscard]] bool alive() const;

 private:
  Endpoint* endpoint_ = nullptr;
  std::uint64_t key_ = 0;
};

struct ConnectRequest {
  std::string_view namespace_name;
  json::Value auth;            // an object, or absent when the client sent none; ends with the call
  std::string_view auth_text;  // the same as text, "{}" if absent; ends with the call
  HandshakeData* data;         // null if on_request gave none
  std::uint64_t session_tag = 0;  // Socket::session_tag()
  // Both present: the client asks for recovery (protocol.md, CSR).
  std::optional<std::string_view> pid;
  std::optional<std::string_view> offset;
};

class Application {
 public:
  virtual ~Application() = default;

  virtual RequestVerdict on_request(const net::RequestHead& head, HandshakeData* session_data) = 0;
  // Whether that namespace exists; otherwise `44/x,{"message":"Invalid namespace"}`.
  virtual bool has_namespace(std::string_view name) = 0;
  virtual void on_connect(const ConnectRequest& request, PendingConnect pending) = 0;
  virtual void on_event(Socket& socket, const Event& event) = 0;
  // Exactly once for each accepted socket; the socket is gone after it.
  virtual void on_disconnect(Socket& socket, DisconnectReason reason) = 0;
};

}  // namespace maru::endpoint
