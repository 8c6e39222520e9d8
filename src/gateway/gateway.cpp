#include "gateway/gateway.hpp"

#include <atomic>
#include <unordered_map>

#include "gateway/identity/session_activity.hpp"
#include "gateway/realtime.hpp"
#include "gateway/rest/call.hpp"
#include "gateway/rest/router.hpp"
#include "gateway/tasks/delayed_tasks.hpp"

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

// The REST calls of this thread that are not answered, so that one whose client goes can be told.
// This thread only.
class OpenCalls {
 public:
  rest::Call::Gone add(const net::HttpExchange& exchange) {
    auto gone = std::make_shared<std::atomic<bool>>(false);
    gone_.emplace(exchange.id(), gone);
    return gone;
  }
  void answered(const net::HttpExchange& exchange) { gone_.erase(exchange.id()); }
  void aborted(const net::HttpExchange& exchange) {
    const auto found = gone_.find(exchange.id());
    if (found == gone_.end()) return;
    found->second->store(true, std::memory_order_relaxed);
    gone_.erase(found);
  }

 private:
  std::unordered_map<std::uint64_t, std::shared_ptr<std::atomic<bool>>> gone_;
};

}  // namespace

struct Gateway::Implementation {
  Implementation(Context context, const endpoint::EndpointOptions& endpoint_options, Probes probes)
      : services(std::move(context), std::move(probes)),
        delays(services.context.thread),
        router(services),
        realtime(services.context),
        endpoint(services.context.thread, endpoint_options, realtime, services.context.random),
        endpoint_path(endpoint_options.path) {
    services.post_after = [this](std::int64_t delay_ms, Job job) {
      delays.after(delay_ms, std::move(job));
    };
  }
  // What the calls and events under way answer through is still there.
  ~Implementation() { drop_tasks(); }

  void drop_tasks() {
    delays.drop_all();
    services.tasks.drop_all();
    realtime.drop_tasks();
  }

  [[nodiscard]] bool is_for_endpoint(const net::RequestHead& head) const {
    return head.path().starts_with(endpoint_path);
  }

  // As respond_to(), for a call that is among `open`.
  [[nodiscard]] rest::Call::Respond close_with_answer(net::HttpExchange exchange) {
    return [this, exchange](net::HttpResponse response) {
      if (exchange.thread().on_this_thread()) {
        open.answered(exchange);
        return exchange.respond(std::move(response));
      }
      exchange.thread().post([this, exchange, response = std::move(response)]() mutable {
        open.answered(exchange);
        exchange.respond(std::move(response));
      });
    };
  }
  void start_call(net::HttpExchange exchange, net::RequestHead&& head, std::string&& body) {
    rest::Call::Gone gone = open.add(exchange);
    router.on_request(std::move(head), std::move(body), close_with_answer(exchange),
                      std::move(gone));
  }

  rest::Services services;
  OpenCalls open;
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
          .abort_at_half_close = verdict.abort_at_half_close,
          .carries_secret = true};
}

void Gateway::on_request(net::HttpExchange exchange, net::RequestHead&& head, std::string&& body) {
  Implementation& it = *implementation_;
  if (it.is_for_endpoint(head)) {
    return it.endpoint.on_request(exchange, std::move(head), std::move(body));
  }
  it.start_call(exchange, std::move(head), std::move(body));
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
  it.start_call(exchange, std::move(head), {});
}

void Gateway::on_aborted(net::HttpExchange exchange) {
  implementation_->open.aborted(exchange);
  implementation_->endpoint.on_aborted(exchange);
}

void Gateway::on_memory_short() {
  implementation_->endpoint.on_memory_short();
}

void Gateway::announce_drain(std::int64_t within_ms) {
  implementation_->realtime.announce_drain(within_ms);
}

void Gateway::close_all() {
  implementation_->delays.drop_all();
  implementation_->endpoint.close_all();
  implementation_->services.context.activity.flush();
}

std::size_t Gateway::session_count() const {
  return implementation_->endpoint.session_count();
}

std::array<const Counters*, 2> Gateway::counters() const {
  return {&implementation_->services.counters, &implementation_->realtime.counters()};
}

}  // namespace maru::gateway
