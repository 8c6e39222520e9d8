// A REST request, in accounts or open mode, over chat's core on its fake store. Input: a line
// "MODE WHO METHOD" (a|o, t|-, a digit), a line with the target, one with the Content-Type, then
// the body. In target and body %CHAT and %USER stand for ids that exist. Whatever is asked, the
// answer is one, of a documented status, and errors are whole problems.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "check.hpp"
#include "gateway/testing/rest_harness.hpp"

namespace {

using maru::gateway::AuthMode;
using maru::gateway::GatewayOptions;
using maru::gateway::testing::Reply;
using maru::gateway::testing::RestHarness;

struct World {
  explicit World(AuthMode mode) : harness(options_of(mode)) {
    person = harness.guest("민수");
    other = harness.guest("영희");
    chat = harness.group(person, "마루방", {other.id});
  }
  static GatewayOptions options_of(AuthMode mode) {
    GatewayOptions options;
    options.auth = mode;
    return options;
  }
  RestHarness harness;
  RestHarness::Person person;
  RestHarness::Person other;
  std::string chat;
  int served = 0;
};

// What requests leave behind stays for the next ones, for a while.
World& world(AuthMode mode) {
  static std::unique_ptr<World> worlds[2];
  std::unique_ptr<World>& one = worlds[mode == AuthMode::kOpen];
  if (!one || ++one->served > 500) one = std::make_unique<World>(mode);
  return *one;
}

std::string_view take_line(std::string_view& input) {
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view line = input.substr(0, end);
  input.remove_prefix(std::min(end + 1, input.size()));
  return line;
}

std::string filled_in(std::string_view text, const World& world) {
  std::string out(text);
  for (const auto& [name, value] :
       {std::pair<std::string_view, std::string>{"%CHAT", world.chat}, {"%USER", world.other.id}}) {
    for (std::size_t at = 0; (at = out.find(name, at)) != std::string::npos; at += value.size()) {
      out.replace(at, name.size(), value);
    }
  }
  return out;
}

void check_answer(const Reply& reply) {
  constexpr int kStatuses[] = {200, 201, 204, 400, 401, 403, 404, 405, 409, 413, 415, 429};
  MARU_FUZZ_CHECK(std::ranges::find(kStatuses, reply.status) != std::end(kStatuses));
  if (reply.status < 400) return;
  MARU_FUZZ_CHECK(reply.type == "application/problem+json");
  MARU_FUZZ_CHECK(reply.body["status"].as_integer() == reply.status);
  MARU_FUZZ_CHECK(!reply.code().empty());
  MARU_FUZZ_CHECK(reply.string("requestId").size() == 16);
  MARU_FUZZ_CHECK(reply.status != 405 || reply.has("Allow"));
  MARU_FUZZ_CHECK(reply.status != 429 || (reply.has("Retry-After") && reply.has("RateLimit")));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = [] {
    maru::log::configure(maru::log::Format::kText, maru::log::Level::kError);
    return true;
  }();
  static_cast<void>(quiet);
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view how = take_line(input);
  if (how.size() < 3) return 0;
  World& it = world(how[0] == 'o' ? AuthMode::kOpen : AuthMode::kAccounts);
  std::string target = filled_in(take_line(input), it);
  if (!target.starts_with('/')) target.insert(target.begin(), '/');
  std::string type(take_line(input));
  const auto method = static_cast<maru::net::Method>(static_cast<unsigned char>(how[2]) % 8);
  const Reply reply = it.harness.request(
      method, std::move(target), filled_in(input, it),
      {.token = how[1] == 't' ? it.person.token : std::string(), .type = std::move(type)});
  check_answer(reply);
  return 0;
}
