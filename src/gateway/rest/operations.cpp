// /healthz, /readyz, /metrics, /api/openapi.json.
#include "gateway/origin_policy.hpp"
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

void answer_metrics(const CallPtr& call) {
  const Probes& probes = call->services().probes;
  Answer answer;
  answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (probes.metrics) answer.body = probes.metrics();
  call->answer(std::move(answer));
}

}  // namespace

void show_health(CallPtr call, const json::Value&) {
  call->answer(json_answer(R"({"status":"ok"})"));
}

void show_readiness(CallPtr call, const json::Value&) {
  const Probes& probes = call->services().probes;
  if (probes.ready && probes.ready()) return call->answer(json_answer(R"({"status":"ready"})"));
  call->problem(Error{ErrorCode::kUnavailable, "The server is starting or draining.", {}, 1'000});
}

void show_metrics(CallPtr call, const json::Value&) {
  if (is_from_this_machine(*call)) return answer_metrics(call);
  decide(call, Access::kSelf, {}, [call](chat::Snapshot&, Caller&&) { answer_metrics(call); });
}

void show_openapi(CallPtr call, const json::Value&) {
  call->answer(json_answer(std::string(openapi_document())));
}

}  // namespace maru::gateway::rest
