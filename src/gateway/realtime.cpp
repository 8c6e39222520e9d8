#include "gateway/realtime.hpp"

#include <utility>

#include "gateway/events/connect.hpp"
#include "gateway/events/realtime_core.hpp"
#include "gateway/identity/origin_policy.hpp"
#include "gateway/security_fields.hpp"
#include "json/writer.hpp"
#include "wire/wire_event.hpp"

namespace maru::gateway {

struct Realtime::Implementation {
  explicit Implementation(Context& context) : core(context) {}
  RealtimeCore core;
};

namespace {

// A sid that was opened with a session cookie is used with that session only (quality.md 1, row
// 25). Here the cookie authenticates nobody: that a native client's POST has no Origin does not
// matter.
bool carries_cookie(const net::RequestHead& head, const TokenHash& token,
                    const GatewayOptions& options) {
  Credentials credentials = credentials_of(head, options);
  if (credentials.source == TokenSource::kNone && head.method == net::Method::kPost &&
      !has_origin(head)) {
    net::RequestHead as_get = head;
    as_get.method = net::Method::kGet;
    credentials = credentials_of(as_get, options);
  }
  return credentials.source == TokenSource::kCookie && credentials.token == token;
}

}  // namespace

Realtime::Realtime(Context& context) : implementation_(std::make_unique<Implementation>(context)) {}
Realtime::~Realtime() = default;

endpoint::RequestVerdict Realtime::on_request(const net::RequestHead& head,
                                              endpoint::HandshakeData* session_data) {
  const Context& context = implementation_->core.context;
  endpoint::RequestVerdict verdict;
  add_security_fields(verdict.fields, head);
  if (!context.origins.allows(head)) {
    verdict.allowed = false;
    return verdict;
  }
  for (auto& field : context.origins.cors_fields(head)) verdict.fields.push_back(std::move(field));
  if (head.method == net::Method::kOptions) return verdict;  // a preflight has no cookies
  if (const auto* opened_with = static_cast<const Handshake*>(session_data)) {
    verdict.allowed = opened_with->source != TokenSource::kCookie ||
                      carries_cookie(head, opened_with->token, context.options);
    return verdict;
  }
  const Credentials credentials = credentials_of(head, context.options);
  const bool may_be_nobody = context.options.auth == AuthMode::kOpen;
  if (credentials.source == TokenSource::kNone && !may_be_nobody) return verdict;
  auto handshake = std::make_unique<Handshake>();
  handshake->source = credentials.source;
  handshake->token = credentials.token;
  if (may_be_nobody) handshake->network = RateLimiter::key_of_network(head.peer_address);
  verdict.data = std::move(handshake);
  return verdict;
}

bool Realtime::has_namespace(std::string_view name) {
  return name == "/";
}

void Realtime::on_connect(const endpoint::ConnectRequest& request,
                          endpoint::PendingConnect pending) {
  connect_socket(implementation_->core, request, pending);
}

void Realtime::on_event(endpoint::Socket& socket, const endpoint::Event& event) {
  auto* session = socket.user<ClientSession>();
  if (session == nullptr || session->revoked) return;
  IncomingEvent in{.text = event.text, .ack = event.ack, .binary = event.binary};
  if (event.refused != nullptr) {
    in.refused = event.refused;
  } else {
    in.name = event.name;
    in.payload = event.arguments.at(1);
  }
  implementation_->core.receive(*session, in);
}

void Realtime::on_disconnect(endpoint::Socket& socket, endpoint::DisconnectReason reason) {
  auto* session = socket.user<ClientSession>();
  if (session == nullptr) return;
  socket.set_user(nullptr);
  disconnect_socket(implementation_->core, *session, reason);
}

void Realtime::announce_drain(std::int64_t within_ms) {
  std::string payload;
  json::Writer(payload).begin_object().key("withinMs").integer(within_ms).end_object();
  const net::TextFrame frame = wire::make_event("serverDraining", payload);
  const SessionTable& sessions = implementation_->core.sessions;
  for (std::size_t slot = 0; slot < sessions.slot_count(); ++slot) {
    const ClientSession* session = sessions.at_slot(slot);
    if (session != nullptr && session->socket != nullptr) session->socket->send(frame);
  }
}

void Realtime::drop_tasks() {
  implementation_->core.drop_tasks();
}

const Counters& Realtime::counters() const {
  return implementation_->core.counters;
}

}  // namespace maru::gateway
