// One node without REST: the real parts behind Realtime, on a temporary store. Tests only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "chat/command.hpp"
#include "gateway/options.hpp"

namespace maru::gateway::testing {

struct TestUser {
  UserId id;
  SessionId session;
  std::string name;
  std::string token;
  [[nodiscard]] std::string auth() const { return "{\"token\":\"" + token + "\"}"; }
};

class Node {
 public:
  // Rate limits are off unless `options` says otherwise.
  explicit Node(GatewayOptions options, unsigned threads = 2);
  Node() : Node(quiet(AuthMode::kAccounts)) {}
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  static GatewayOptions quiet(AuthMode auth = AuthMode::kAccounts);

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] const std::string& epoch() const;

  // Blocks until the sequencer has answered.
  chat::Reply run(chat::CommandBody body);
  TestUser guest(const std::string& name);
  TestUser account(const std::string& name);  // has a password
  chat::ChatDocument group(const TestUser& owner, const std::vector<TestUser>& others = {});
  chat::ChatDocument personal(const TestUser& one, const TestUser& other);
  chat::RecordPtr send(const TestUser& from, ChatId chat, const std::string& content);

  // Until whoever has ended is in no group any more (chat/endings.hpp).
  void finish_endings();

  // Of the queries from now on the first `let_through` run, and the `refused` after them find the
  // readers full.
  void refuse_queries(int let_through, int refused);
  // Until the first of them has been. False: it never was.
  [[nodiscard]] bool wait_until_refused();

  // Of the queries and commands of clients from now on, `let_through` run, and the one after them
  // is dropped on another thread, as by a queue that closes. Then no more: whether one was.
  void lose_one(int let_through);
  bool end_loss();
  [[nodiscard]] bool wait_until_lost();

  // Until the server has noticed the end of each of the user's sockets. False: it never did.
  [[nodiscard]] bool wait_until_gone(UserId user);

  void announce_drain(std::int64_t within_ms);
  [[nodiscard]] bool is_online(UserId user);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace maru::gateway::testing
