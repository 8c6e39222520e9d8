// The clients' edge of one I/O thread: the HTTP front that sends each request to the Socket.IO
// endpoint or to the REST router, and the application behind the endpoint. app/ makes one per I/O
// thread and sets it as that thread's handler.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/id.hpp"
#include "endpoint/endpoint.hpp"
#include "gateway/context.hpp"
#include "net/http.hpp"

namespace maru::gateway {

class Counters;

// What /healthz, /readyz and /metrics need from the rest of the server. Any thread.
struct Probes {
  std::function<bool()> ready;           // false while starting, draining or without a store
  std::function<std::string()> metrics;  // Prometheus text format
  // Of the bearer token that opens /metrics to other machines; nothing: it is closed to them.
  std::optional<TokenHash> metrics_token = std::nullopt;
};

class Gateway final : public net::HttpHandler {
 public:
  Gateway(Context context, const endpoint::EndpointOptions& endpoint_options, Probes probes);
  ~Gateway() override;

  net::HeadVerdict on_head(net::HttpExchange exchange, const net::RequestHead& head) override;
  void on_request(net::HttpExchange exchange, net::RequestHead&& head, std::string&& body) override;
  void on_body_too_large(net::HttpExchange exchange, const net::RequestHead& head) override;
  void on_upgrade(net::HttpExchange exchange, net::RequestHead&& head) override;
  void on_aborted(net::HttpExchange exchange) override;
  void on_memory_short() override;

  // This thread only. Drain: tell every socket `serverDraining`, then close transports without
  // `41`.
  void announce_drain(std::int64_t within_ms);
  void close_all();

  [[nodiscard]] std::size_t session_count() const;
  // Of both front ends; any thread. Counters::sum() adds those of all I/O threads.
  [[nodiscard]] std::array<const Counters*, 2> counters() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace maru::gateway
