#include "gateway/testing/rest_harness.hpp"

#include <chrono>
#include <random>
#include <stdexcept>

namespace maru::gateway::testing {
namespace {

fanout::PresenceOptions quiet_presence() {
  fanout::PresenceOptions options;
  options.last_seen_flush_ms = 3'600'000;
  return options;
}

Random seeded_random() {
  return [generator = std::make_shared<std::mt19937_64>(7)](std::uint8_t* out, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>((*generator)());
  };
}

std::string quoted_ids(const std::vector<std::string>& ids) {
  std::string out;
  for (const std::string& id : ids) out += (out.empty() ? "\"" : ",\"") + id + '"';
  return out;
}

}  // namespace

std::string Reply::field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

bool Reply::has(std::string_view name) const {
  return std::ranges::any_of(fields, [&](const auto& field) { return field.first == name; });
}

std::string Reply::code() const {
  return string("code");
}

std::string Reply::string(std::string_view key) const {
  return std::string(body[key].as_string().value_or(""));
}

std::string Reply::keys(const json::Value& object) {
  std::string out;
  object.for_each_field([&](std::string_view key, const json::Value&) {
    if (!out.empty()) out += ',';
    out += key;
  });
  return out;
}

bool RestHarness::Queries::post(chat::Lane lane, Query&& query) {
  if (harness_.queries_full) return false;
  const Turn turn(harness_);
  harness_.lanes.push_back(lane);
  Query mine = std::move(query);
  if (!harness_.on_query || !harness_.on_query(mine)) harness_.run(mine);
  return true;
}

void RestHarness::run(chat::QueryPool::Query& query) {
  const Turn turn(*this);
  FakeSnapshot snapshot(core.store, rows_read);
  query(snapshot);
}

bool RestHarness::Commands::submit(chat::Command&& command) {
  if (harness_.commands_full) return false;
  chat::Command mine = std::move(command);
  const Turn turn(harness_);
  if (auto* touch = std::get_if<chat::TouchActivity>(&mine.body)) {
    harness_.touches.push_back(*touch);
  }
  mine.reply(harness_.core.run(std::move(mine.body)));
  return true;
}

RestHarness::RestHarness(GatewayOptions o)
    : options(std::move(o)),
      thread_(0, {}, system_clock),
      presence_(quiet_presence(), system_clock, registry_),
      recovery_({}, system_clock),
      origins_(options, core.clock),
      limiter_(options, core.clock),
      logins_(options, core.clock, commands_) {
  presence_.start([](auto&&) { return true; }, commands_);
  Context context{
      options,         thread_,         {&thread_}, realtime_cores_, core.clock, lifetimes_,
      seeded_random(), commands_,       queries_,   inbox_,          interest_,  presence_,
      recovery_,       hasher_,         origins_,   limiter_,        logins_,    known_networks_,
      connections_,    pending_leaves_, budgets_,   read_turns_,     bus_,       activity_};
  Probes probes{[] { return true; }, [] { return std::string("maru_up 1\n"); },
                hash_secret(kMetricsToken)};
  services_ = std::make_unique<rest::Services>(std::move(context), std::move(probes));
  services_->post = [this](Job job) {
    const Turn turn(*this);
    job();
  };
  services_->is_here = [this] { return has_turn_ == std::this_thread::get_id(); };
  services_->post_after = [this](std::int64_t delay_ms, Job job) {
    delays_ms.push_back(delay_ms);
    if (drops_delayed) return;
    if (while_delayed) while_delayed();
    job();
  };
  router_ = std::make_unique<rest::Router>(*services_);
}

RestHarness::~RestHarness() {
  presence_.stop();
  // Whoever gave the last answer may still be on their way back out of the task.
  const Turn turn(*this);
  services_->tasks.drop_all();
}

Reply RestHarness::request(net::Method method, std::string target, std::string body,
                           RequestOptions with) {
  std::future<Reply> answer = start(method, std::move(target), std::move(body), std::move(with));
  if (answer.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
    throw std::runtime_error("the request was never answered");
  }
  return answer.get();
}

std::future<Reply> RestHarness::start(net::Method method, std::string target, std::string body,
                                      RequestOptions with) {
  net::RequestHead head = make_head(method, std::move(target), {{"host", with.host}});
  if (!body.empty() && !with.type.empty()) head.fields.emplace_back("content-type", with.type);
  if (!with.token.empty()) head.fields.emplace_back("authorization", "Bearer " + with.token);
  if (!with.origin.empty()) head.fields.emplace_back("origin", with.origin);
  for (auto& field : with.fields) head.fields.push_back(std::move(field));
  head.from_loopback = with.from_loopback;
  head.has_forwarding_header = with.has_forwarding_header;
  head.secure = with.secure;
  head.peer_address = with.peer;

  auto answered = std::make_shared<std::promise<Reply>>();
  std::future<Reply> answer = answered->get_future();
  const auto respond = [answered](net::HttpResponse response) {
    Reply reply;
    reply.status = response.status;
    reply.type = std::move(response.content_type);
    reply.fields = std::move(response.fields);
    reply.text = std::move(response.body);
    if (auto parsed = reply.parser->parse(reply.text)) reply.body = *parsed;
    answered->set_value(std::move(reply));
  };
  const Turn turn(*this);
  const auto verdict = router_->on_head(head, respond);
  if (verdict.read_body && body.size() > verdict.body_bytes_max) {
    router_->on_body_too_large(head, respond);
  } else if (verdict.read_body) {
    router_->on_request(std::move(head), std::move(body), respond, gone);
  }
  return answer;
}

Reply RestHarness::get(std::string target, std::string token) {
  return request(net::Method::kGet, std::move(target), {}, {.token = std::move(token)});
}

Reply RestHarness::post(std::string target, std::string body, std::string token) {
  return request(net::Method::kPost, std::move(target), std::move(body),
                 {.token = std::move(token)});
}

RestHarness::Person RestHarness::guest(const std::string& name) {
  const Reply reply = post("/api/users/login", R"({"userName":")" + name + "\"}");
  if (reply.status != 200) throw std::runtime_error("guest: " + reply.text);
  return {reply.string("_id"), reply.string("token"), name};
}

RestHarness::Person RestHarness::account(const std::string& name, const std::string& password) {
  const Reply reply = post("/api/users/register",
                           R"({"userName":")" + name + R"(","password":")" + password + "\"}");
  if (reply.status != 201) throw std::runtime_error("account: " + reply.text);
  return {reply.string("_id"), reply.string("token"), name};
}

std::string RestHarness::group(const Person& owner, const std::string& name,
                               const std::vector<std::string>& users) {
  const Reply reply = post(
      "/api/chats",
      R"({"chatName":")" + name + R"(","isPersonal":false,"users":[)" + quoted_ids(users) + "]}",
      owner.token);
  if (reply.status != 200) throw std::runtime_error("group: " + reply.text);
  return reply.string("_id");
}

std::string RestHarness::personal(const Person& a, const Person& b) {
  const Reply reply =
      post("/api/chats", R"({"isPersonal":true,"users":[)" + quoted_ids({b.id}) + "]}", a.token);
  if (reply.status != 200) throw std::runtime_error("personal: " + reply.text);
  return reply.string("_id");
}

}  // namespace maru::gateway::testing
