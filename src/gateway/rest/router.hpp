// Takes the HTTP requests that are not Socket.IO's to the calls of routes.hpp: Origin rule, CORS
// preflight, 404, 405, 413, 415, the JSON of the body. One per I/O thread; that thread only.
#pragma once

#include <memory>
#include <string>

#include "gateway/rest/call.hpp"
#include "gateway/rest/routes.hpp"
#include "json/reader.hpp"

namespace maru::gateway::rest {

class Router {
 public:
  explicit Router(Services& services);

  // Whether the body is wanted, and how much of it; otherwise the request has been answered.
  struct Verdict {
    bool read_body = true;
    std::size_t body_bytes_max = 0;
    bool abort_at_half_close = false;
  };
  Verdict on_head(const net::RequestHead& head, Call::Respond respond);
  void on_request(net::RequestHead&& head, std::string&& body, Call::Respond respond,
                  Call::Gone gone = {});
  void on_body_too_large(const net::RequestHead& head, Call::Respond respond);

 private:
  [[nodiscard]] CallPtr make_call(net::RequestHead&& head, std::size_t operation,
                                  Call::Respond respond, Call::Gone gone = {});
  [[nodiscard]] Answering read_body(const Route& route, Call& call, const std::string& body);
  void start(CallPtr call, const Operation& operation, Answering answering);
  std::string next_request_id();

  Services& services_;
  json::Parser parser_;
  std::uint64_t next_id_;
};

}  // namespace maru::gateway::rest
