// /healthz, /readyz, /metrics, /api/openapi.json.
#include "gateway/identity/origin_policy.hpp"
#include "gateway/rest/flow.hpp"
#include "gateway/rest/handlers.hpp"
#include "gateway/rest/openapi.hpp"

namespace maru::gateway::rest {
namespace {

// A proxy on this machine is a loopback peer, too: what it forwards is from elsewhere. So is a page
// whose name was pointed here.
bool is_from_this_machine(const Call& call) {
  const net::RequestHead& head = call.head();
  return head.from_loopback && !head.has_forwarding_header &&
         !may_be_rebound(head, call.context().options);
}

// Of digests, so that the time it takes says nothing about the token.
bool has_metrics_token(const Call& call) {
  const auto& wanted = call.services().probes.metrics_token;
  return wanted && hash_secret(bearer_token(call.head())) == *wanted;
}

}  // namespace

Answering show_health(Call&, const json::Value&) {
  return answered(json_answer(R"({"status":"ok"})"));
}

Answering show_readiness(Call& call, const json::Value&) {
  const Probes& probes = call.services().probes;
  if (probes.ready && probes.ready()) return answered(json_answer(R"({"status":"ready"})"));
  return refused(Error{ErrorCode::kUnavailable, "The server is starting or draining.", {}, 1'000});
}

Answering show_metrics(Call& call, const json::Value&) {
  if (!is_from_this_machine(call) && !has_metrics_token(call)) {
    // Every guest has a session: it is no reason to see how the server does.
    return refused(
        Error{ErrorCode::kUnauthenticated,
              "From elsewhere this needs the token of the server's --metrics-token-file.",
              {},
              0});
  }
  const Probes& probes = call.services().probes;
  Answer answer;
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (probes.metrics) answer.body = probes.metrics();
  return answered(std::move(answer));
}

Answering show_openapi(Call&, const json::Value&) {
  return answered(json_answer(std::string(openapi_document())));
}

}  // namespace maru::gateway::rest
