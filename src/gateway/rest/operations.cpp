// /healthz, /readyz, /metrics, /api/openapi.json.
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/openapi.hpp"

namespace maru::gateway::rest {

void show_health(CallPtr call, const json::Value&) {
  call->answer(json_answer(R"({"status":"ok"})"));
}

void show_readiness(CallPtr call, const json::Value&) {
  const Probes& probes = call->services().probes;
  if (probes.ready && probes.ready()) return call->answer(json_answer(R"({"status":"ready"})"));
  call->problem(Error{ErrorCode::kUnavailable, "The server is starting or draining.", {}, 1'000});
}

void show_metrics(CallPtr call, const json::Value&) {
  // A proxy on this machine is a loopback peer, too: what it forwards is from elsewhere.
  if (!call->head().from_loopback || call->head().has_forwarding_header) {
    return call->problem(
        Error{ErrorCode::kForbidden, "Metrics are served to this machine only.", {}, 0});
  }
  const Probes& probes = call->services().probes;
  Answer answer;
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (probes.metrics) answer.body = probes.metrics();
  call->answer(std::move(answer));
}

void show_openapi(CallPtr call, const json::Value&) {
  call->answer(json_answer(std::string(openapi_document())));
}

}  // namespace maru::gateway::rest
