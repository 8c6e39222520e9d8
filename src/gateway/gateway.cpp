#include "gateway/gateway.hpp"

#include "gateway/delayed_tasks.hpp"
#include "gateway/realtime.hpp"
#include "gateway/rest/call.hpp"
#include "gateway/rest/router.hpp"

namespace maru::gateway {
namespace {

// Answers through the exchange: at once on its own thread, by way of its loop from any other.
rest::Call::Respond respond_to(net::HttpExchange exchange) {
  return [exchange](net::HttpResponse response) {
    if (exchange.thread().on_this_thread()) {
      exchange.respond(std::move(response));
    } else {
      exchange.post_response(std::move(response));
    }
  };
}

}  // namespace

struct Gateway::Implementation {
  Implementation(Context context, const endpoint::EndpointOptions& endpoint_options, Probes probes)
      : services(std::make_shared<rest::Services>(std::move(context), std::move(probes))),
        delays(services->context.thread),
        router(services),
        realtime(services->context),
        endpoint(services->context.thread, endpoint_options, realtime, services->context.random),
        endpoint_path(endpoint_options.path) {
    services->post_after = [this](std::int64_t delay_ms, Task task) {
      services->post([this, delay_ms, task = std::move(task)]() mutable {
        delays.after(delay_ms, std::move(task));
      });
    };
  }

  [[nodiscard]] bool is_for_endpoint(const net::RequestHead& head) const {
    return head.path().starts_with(endpoint_path);
  }

  std::shared_ptr<rest::Services> services;
  DelayedTasks delays;  // of REST calls over their rate
  rest::Router router;
  Realtime realtime;
  endpoint::Endpoint endpoint;
  const std::string endpoint_path;
};

Gateway::Gateway(Context context, const endpoint::EndpointOptions& endpoint_options, Probes probes)
    : implementation_(std::make_unique<Implementation>(std::move(context), endpoint_options,
                                                       std::move(probes))) {}
Gateway::~Gateway() = default;

net::HeadVerdict Gateway::on_head(net::HttpExchange exchange, const net::RequestHead& head) {
  Implementation& it = *implementation_;
  if (it.is_for_endpoint(head)) return it.endpoint.on_head(exchange, head);
  const auto verdict = it.router.on_head(head, respond_to(exchange));
  using Kind = net::HeadVerdict::Kind;
  return {.kind = verdict.read_body ? Kind::kReadBody : Kind::kAnswered,
          .body_bytes_max = verdict.body_bytes_max,
          .carries_secret = true};
}

void Gateway::on_request(net::HttpExchange exchange, net::RequestHead&& head, std::string&& body) {
  Implementation& it = *implementation_;
  if (it.is_for_endpoint(head)) {
    return it.endpoint.on_request(exchange, std::move(head), std::move(body));
  }
  it.router.on_request(std::move(head), std::move(body), respond_to(exchange));
}

void Gateway::on_body_too_large(net::HttpExchange exchange, const net::RequestHead& head) {
  Implementation& it = *implementation_;
  if (it.is_for_endpoint(head)) return it.endpoint.on_body_too_large(exchange, head);
  it.router.on_body_too_large(head, respond_to(exchange));
}

void Gateway::on_upgrade(net::HttpExchange exchange, net::RequestHead&& head) {
  Implementation& it = *implementation_;
  if (it.is_for_endpoint(head)) return it.endpoint.on_upgrade(exchange, std::move(head));
  // No other protocol is spoken here: an offer to change it may be ignored (RFC 9110, 7.8).
  it.router.on_request(std::move(head), {}, respond_to(exchange));
}

void Gateway::on_aborted(net::HttpExchange exchange) {
  // REST answers to a client that has gone are dropped by the exchange itself.
  implementation_->endpoint.on_aborted(exchange);
}

void Gateway::announce_drain(std::int64_t within_ms) {
  implementation_->realtime.announce_drain(within_ms);
}

void Gateway::close_all() {
  implementation_->endpoint.close_all();
  implementation_->services->activity.flush();
}

std::size_t Gateway::session_count() const {
  return implementation_->endpoint.session_count();
}

const rest::Counters& Gateway::rest_counters() const {
  return implementation_->services->counters;
}

}  // namespace maru::gateway
