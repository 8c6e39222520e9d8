#include "endpoint/endpoint.hpp"

#include <utility>

#include "endpoint/engine_server.hpp"
#include "endpoint/lobby.hpp"
#include "endpoint/socket_session.hpp"

namespace maru::endpoint {

struct Endpoint::Implementation final : EngineApplication {
  Implementation(Endpoint& endpoint, net::IoThread& thread, const EndpointOptions& options,
                 Application& application, Random random)
      : host(endpoint, application),
        lobby(options.unjoined_sessions_max, options.unjoined_per_address_max),
        server(thread, options, *this, std::move(random)) {}

  RequestVerdict on_request(const net::RequestHead& head, HandshakeData* session_data) override {
    return host.application().on_request(head, session_data);
  }
  std::unique_ptr<EngineSession> make_session(EngineServer& engine_server,
                                              const net::RequestHead& head) override {
    Lobby::Place place;
    if (!head.wants_websocket) {
      auto entered = lobby.enter(head);
      if (!entered) return nullptr;
      place = std::move(*entered);
    }
    return std::make_unique<SocketSession>(engine_server, host, std::move(place));
  }

  SocketHost host;  // this and the lobby outlive the sessions
  Lobby lobby;
  EngineServer server;
};

Endpoint::Endpoint(net::IoThread& thread, const EndpointOptions& options, Application& application,
                   Random random)
    : implementation_(std::make_unique<Implementation>(*this, thread, options, application,
                                                       std::move(random))) {}

Endpoint::~Endpoint() = default;

net::HeadVerdict Endpoint::on_head(net::HttpExchange exchange, const net::RequestHead& head) {
  return implementation_->server.on_head(exchange, head);
}

void Endpoint::on_request(net::HttpExchange exchange, net::RequestHead&& head, std::string&& body) {
  implementation_->server.on_request(exchange, std::move(head), std::move(body));
}

void Endpoint::on_body_too_large(net::HttpExchange exchange, const net::RequestHead& head) {
  implementation_->server.on_body_too_large(exchange, head);
}

void Endpoint::on_upgrade(net::HttpExchange exchange, net::RequestHead&& head) {
  implementation_->server.on_upgrade(exchange, std::move(head));
}

void Endpoint::on_aborted(net::HttpExchange exchange) {
  implementation_->server.on_aborted(exchange);
}

void Endpoint::on_memory_short() {
  implementation_->server.on_memory_short();
}

void Endpoint::close_all() {
  implementation_->server.close_all();
}

std::size_t Endpoint::session_count() const {
  return implementation_->server.session_count();
}

const EndpointCounters& Endpoint::counters() const {
  return implementation_->server.counters();
}

SocketHost& Endpoint::host() const {
  return implementation_->host;
}

// --- PendingConnect --------------------------------------------------------------------------

Socket* PendingConnect::accept(const Accept& accept) const {
  if (!endpoint_) return nullptr;
  SocketRecord* const record = endpoint_->host().find_pending(key_);
  if (!record || !record->session().is_open()) return nullptr;
  return record->session().accept(*record, accept);
}

Socket* PendingConnect::accept() const {
  return accept(Accept{});
}

void PendingConnect::refuse(std::string_view message, std::string_view data_json) const {
  if (!endpoint_) return;
  SocketRecord* const record = endpoint_->host().find_pending(key_);
  if (record && record->session().is_open()) record->session().refuse(*record, message, data_json);
}

void PendingConnect::close() const {
  if (!endpoint_) return;
  SocketRecord* const record = endpoint_->host().find_pending(key_);
  if (record) record->session().disconnect(*record, Disconnect::kTransportOnly);
}

bool PendingConnect::alive() const {
  if (!endpoint_) return false;
  const SocketRecord* const record = endpoint_->host().find_pending(key_);
  return record && record->session().is_open();
}

}  // namespace maru::endpoint
