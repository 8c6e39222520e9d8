#include "chat/testing/core_harness.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "base/limits.hpp"
#include "chat/endings.hpp"
#include "gateway/testing/fake_snapshot.hpp"

namespace maru::chat::testing {
namespace {

template <class One>
One expect(Reply reply) {
  if (!reply) throw std::runtime_error(std::string(to_string(reply.error().code)));
  return std::get<One>(std::move(*reply));
}

class Findings {
 public:
  explicit Findings(std::vector<std::string>& out) : out_(out) {}
  void require(bool good, const std::string& what) {
    if (!good) out_.push_back(what);
  }

 private:
  std::vector<std::string>& out_;
};

// Plays the chat's records over its members and compares.
void check_chat(const FakeStore& store, const ChatState& state, Findings& findings) {
  const std::string name = "chat " + state.chat.id.hex();
  std::uint64_t expected = 0;
  std::uint64_t texts = 0;
  std::set<std::tuple<UserId, std::string>> sent;
  for (const RecordPtr& record : store.records(state.chat.id)) {
    findings.require(record->sequence.value == ++expected, name + ": sequence not dense");
    if (text_of(*record)) ++texts;
    findings.require(record->text_count == texts, name + ": text count");
    if (const std::string* id = client_msg_id_of(*record)) {
      findings.require(sent.emplace(record->actor, *id).second, name + ": a clientMsgId twice");
    }
  }
  findings.require(state.head.value == expected, name + ": head");
  findings.require(state.text_count == texts, name + ": text count of the chat");

  std::set<UserId> members;
  std::size_t owners = 0;
  for (const Member& member : state.members) {
    findings.require(members.insert(member.user).second, name + ": a member twice");
    findings.require(store.users().contains(member.user), name + ": a member who is no user");
    if (member.role == Role::kOwner) {
      ++owners;
      findings.require(state.chat.owner == member.user, name + ": owner and role differ");
    }
  }
  findings.require(members.size() <= limits::kGroupMembersMax, name + ": too many members");
  for (const UserId& user : members) {
    const auto known = store.users().find(user);
    findings.require(state.chat.is_personal || known == store.users().end() ||
                         !known->second.deleted_at || store.ending().contains(user),
                     name + ": a deleted user in a group, and nobody knows");
  }
  if (state.chat.is_personal) {
    findings.require(members.size() == 2, name + ": a 1:1 has two");
  } else {
    findings.require(state.chat.archived == members.empty(), name + ": archived iff empty");
    findings.require(owners == (members.empty() ? 0 : 1), name + ": one owner");
    findings.require(state.chat.owner.has_value() == !members.empty(), name + ": has an owner");
  }
  const auto& records = store.records(state.chat.id);
  if (const SystemBody* last = records.empty() ? nullptr : system_of(*records.back())) {
    findings.require(last->member_count == members.size(), name + ": member count");
  }
}

}  // namespace

NewSession new_session(std::string user_agent) {
  static std::uint8_t counter = 0;
  NewSession session;
  session.token.fill(++counter);
  session.user_agent = std::move(user_agent);
  return session;
}

std::vector<Reply> CoreHarness::run_batch(std::vector<CommandBody> bodies) {
  std::vector<std::optional<Reply>> replies(bodies.size());
  std::vector<Command> commands;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    commands.push_back({std::move(bodies[i]), [&replies, i](Reply reply) {
                          if (replies[i]) throw std::logic_error("answered twice");
                          replies[i] = std::move(reply);
                        }});
  }
  for (Command& command : commands) give_ids(command, ids);
  commit.run(commands);
  std::vector<Reply> out;
  for (auto& reply : replies) {
    if (!reply) throw std::logic_error("not answered");
    out.push_back(std::move(*reply));
  }
  return out;
}

Reply CoreHarness::run(CommandBody body) {
  std::vector<CommandBody> one;
  one.push_back(std::move(body));
  return std::move(run_batch(std::move(one)).front());
}

void CoreHarness::settle_endings() {
  struct Log final : CommandLog {
    explicit Log(CoreHarness& harness) : at(harness) {}
    bool submit(Command&& command) override {
      command.reply(at.run(std::move(command.body)));
      return true;
    }
    CoreHarness& at;
  };
  struct Pool final : QueryPool {
    explicit Pool(CoreHarness& harness) : at(harness) {}
    bool post(Lane, Query&& query) override {
      gateway::testing::FakeSnapshot snapshot(at.store);
      Query(std::move(query))(snapshot);
      return true;
    }
    CoreHarness& at;
  };
  Log log(*this);
  Pool pool(*this);
  EndingPass pass(log, pool);
  const std::atomic<bool> stopping{false};
  for (;;) {
    const auto outcome = pass.run(stopping);
    if (outcome == EndingPass::Outcome::kDone) return;
    if (outcome == EndingPass::Outcome::kStuck) throw std::logic_error("an end is stuck");
  }
}

LoggedIn CoreHarness::log_in_guest(const std::string& name, GuestRule rule) {
  return expect<LoggedIn>(run(OpenGuest{name, name, rule, new_session()}));
}

UserId CoreHarness::add_guest(const std::string& name) {
  return log_in_guest(name).user.id;
}

UserId CoreHarness::add_account(const std::string& name, const std::string& password_hash) {
  return expect<LoggedIn>(run(RegisterUser{name, name, password_hash, new_session()})).user.id;
}

ChatId CoreHarness::add_group(UserId owner, std::vector<UserId> users) {
  return expect<ChatCreated>(run(CreateChat{owner, "group", false, std::move(users), {}}))
      .document.chat.id;
}

ChatId CoreHarness::add_personal(UserId a, UserId b) {
  return expect<ChatCreated>(run(CreateChat{a, "pair", true, {b}, {}})).document.chat.id;
}

RecordPtr CoreHarness::send(ChatId chat, UserId from, const std::string& text,
                            std::optional<std::string> client_msg_id) {
  return expect<Sent>(run(SendMessage{chat, from, text, std::move(client_msg_id)})).record;
}

std::vector<std::string> check_store(const FakeStore& store) {
  std::vector<std::string> out = store.violations();
  Findings findings(out);
  std::set<std::int64_t> numbers;
  std::set<std::pair<UserId, UserId>> pairs;
  std::map<std::pair<UserId, Entry>, std::size_t> chats_of;
  for (const auto& [id, state] : store.chats()) {
    check_chat(store, state, findings);
    findings.require(numbers.insert(state.chat.number.value).second, "a room number twice");
    for (const Member& member : state.members) ++chats_of[{member.user, member.entry}];
    if (state.chat.is_personal) {
      findings.require(
          pairs.insert(std::minmax(state.members[0].user, state.members[1].user)).second,
          "a pair with two 1:1s");
    }
  }
  findings.require(
      numbers.empty() || (*numbers.begin() == 1 && *numbers.rbegin() == std::ssize(numbers)),
      "room numbers not 1..n");
  const std::map<Entry, std::size_t> most{{Entry::kOwn, limits::kChatsPerUserMax},
                                          {Entry::kPutIn, limits::kGroupsPutInMax},
                                          {Entry::kOpenedToMe, limits::kPersonalChatsToOneMax}};
  for (const auto& [key, count] : chats_of) {
    findings.require(count <= most.at(key.second), "a user in too many chats");
  }
  std::set<UserId> named;
  for (const auto& [name, user] : store.names()) {
    findings.require(named.insert(user).second, "a user with two names");
    findings.require(!store.users().at(user).deleted_at, "a deleted user holds a name");
  }
  std::map<UserId, std::size_t> sessions_of;
  for (const auto& [id, session] : store.sessions()) {
    findings.require(++sessions_of[session.user] <= limits::kSessionsPerUserMax,
                     "too many sessions");
    findings.require(!store.users().at(session.user).deleted_at, "a deleted user has a session");
  }
  return out;
}

}  // namespace maru::chat::testing
