// The reading side over chat's FakeStore: plain loops, the port's contract. Tests only; one thread
// at a time.
#pragma once

#include <algorithm>

#include "chat/ports/snapshot.hpp"
#include "chat/testing/fake_store.hpp"
#include "text/text.hpp"

namespace maru::gateway::testing {

class FakeSnapshot : public chat::Snapshot {
 public:
  explicit FakeSnapshot(const chat::testing::FakeStore& store, std::uint64_t rows_read = 0)
      : store_(store), rows_read_(rows_read) {}

  [[nodiscard]] std::uint64_t rows_read() const override { return rows_read_; }

  Result<std::optional<chat::SessionUser>> find_session(const TokenHash& token) override {
    for (const auto& [id, session] : store_.sessions()) {
      if (session.token != token) continue;
      return chat::SessionUser{session, store_.users().at(session.user)};
    }
    return std::optional<chat::SessionUser>();
  }
  Result<std::vector<chat::LoginSession>> list_sessions(UserId user) override {
    std::vector<chat::LoginSession> found;
    for (const auto& [id, session] : store_.sessions()) {
      if (session.user == user) found.push_back(session);
    }
    return found;
  }
  Result<std::optional<chat::User>> find_user(UserId id) override {
    const auto it = store_.users().find(id);
    return it == store_.users().end() ? std::optional<chat::User>() : it->second;
  }
  Result<std::optional<chat::User>> find_user_by_name(std::string_view folded) override {
    const auto it = store_.names().find(std::string(folded));
    if (it == store_.names().end()) return std::optional<chat::User>();
    return find_user(it->second);
  }
  Result<std::vector<chat::UserBrief>> find_users(std::span<const UserId> ids) override {
    std::vector<chat::UserBrief> found;
    for (const UserId& id : ids) {
      const auto it = store_.users().find(id);
      if (it != store_.users().end()) found.push_back({id, it->second.name});
    }
    return found;
  }
  Result<std::vector<chat::UserBrief>> search_users(std::string_view query,
                                                    std::size_t limit) override {
    std::vector<chat::UserBrief> found;
    for (const auto& [id, user] : store_.users()) {
      if (user.deleted_at || found.size() == limit) continue;
      const auto terms = text::name_search_terms(user.name);
      if (std::ranges::any_of(terms, [&](const auto& term) { return term.starts_with(query); })) {
        found.push_back({id, user.name});
      }
    }
    return found;
  }
  Result<std::vector<UserId>> list_ending(std::size_t limit) override {
    std::vector<UserId> found;
    for (const auto& [user, ending] : store_.ending()) {
      if (found.size() < limit) found.push_back(user);
    }
    return found;
  }
  Result<std::vector<chat::LoginFailures>> load_login_failures(std::size_t limit) override {
    auto found = store_.login_failures();
    if (found.size() > limit) found.resize(limit);
    return found;
  }
  Result<std::optional<chat::ChatDocument>> find_chat(ChatId id) override {
    const auto it = store_.chats().find(id);
    if (it == store_.chats().end()) return std::optional<chat::ChatDocument>();
    return document(it->second);
  }
  Result<std::optional<chat::ChatHeader>> find_chat_header(ChatId id) override {
    const auto it = store_.chats().find(id);
    if (it == store_.chats().end()) return std::optional<chat::ChatHeader>();
    const chat::ChatState& state = it->second;
    return chat::ChatHeader{state.chat, state.head, state.last_effect};
  }
  Result<std::optional<chat::ChatDocument>> find_chat_by_number(ChatNumber number) override {
    for (const auto& [id, state] : store_.chats()) {
      if (state.chat.number == number) return document(state);
    }
    return std::optional<chat::ChatDocument>();
  }
  Result<bool> is_member(ChatId chat, UserId user) override {
    const auto it = store_.chats().find(chat);
    return it != store_.chats().end() && has_member(it->second, user);
  }
  Result<std::vector<UserId>> filter_sharing_chat(UserId user,
                                                  std::span<const UserId> others) override {
    std::vector<UserId> found;
    for (const UserId& other : others) {
      for (const auto& [id, state] : store_.chats()) {
        if (!has_member(state, user) || !has_member(state, other)) continue;
        found.push_back(other);
        break;
      }
    }
    return found;
  }
  Result<chat::ChatPage> list_public_groups(std::size_t page, std::size_t limit) override {
    return page_of([](const chat::ChatState& s) { return !s.chat.is_personal && !s.chat.archived; },
                   page, limit);
  }
  Result<chat::ChatPage> list_personal_chats(UserId user, std::size_t page,
                                             std::size_t limit) override {
    return page_of(
        [&](const chat::ChatState& s) { return s.chat.is_personal && has_member(s, user); }, page,
        limit);
  }
  Result<std::vector<chat::ChatDocument>> list_group_chats(UserId user,
                                                           std::size_t limit) override {
    return page_of(
               [&](const chat::ChatState& s) { return !s.chat.is_personal && has_member(s, user); },
               1, limit)
        ->chats;
  }
  Result<chat::MyChatPage> list_my_chats(UserId user, std::string_view cursor,
                                         std::size_t limit) override {
    std::optional<ChatId> after;
    if (!cursor.empty()) {
      after = ChatId::parse(cursor);
      if (!after) return fail_field("cursor", "format", "Not a cursor.");
    }
    chat::MyChatPage page;
    for (const auto& [id, state] : store_.chats()) {
      if (!has_member(state, user) || (after && id <= *after)) continue;
      if (page.chats.size() == limit) {
        page.cursor = page.chats.back().document.chat.id.hex();
        break;
      }
      const auto& records = store_.records(id);
      page.chats.push_back({document(state), records.empty() ? nullptr : records.back()});
    }
    return page;
  }
  Result<chat::MembershipPage> list_memberships(UserId user, std::string_view cursor,
                                                std::size_t limit) override {
    auto mine = list_my_chats(user, cursor, limit);
    if (!mine) return std::unexpected(mine.error());
    chat::MembershipPage page{{}, std::move(mine->cursor)};
    for (const chat::MyChat& one : mine->chats) {
      const auto& members = one.document.members;
      const auto me = std::ranges::find(members, user, &chat::Member::user);
      page.chats.push_back({one.document.chat.id, me->role});
    }
    return page;
  }
  Result<Sequence> head(ChatId chat) override { return Sequence{store_.records(chat).size()}; }
  Result<std::vector<chat::RecordPtr>> read_records(ChatId chat, chat::RecordRange range,
                                                    Sequence anchor, std::size_t limit) override {
    const auto& all = store_.records(chat);
    const std::size_t head = all.size();
    const std::size_t at = std::min<std::size_t>(anchor.value, head + 1);
    std::size_t begin = head - std::min(head, limit);  // indexes; sequence n is at n - 1
    std::size_t end = head;
    if (range == chat::RecordRange::kBefore) {
      end = at == 0 ? 0 : std::min(at - 1, head);
      begin = end - std::min(end, limit);
    } else if (range == chat::RecordRange::kAfter) {
      begin = std::min(at, head);
      end = std::min(begin + limit, head);
    } else if (range == chat::RecordRange::kAround) {
      begin = at > limit / 2 ? at - limit / 2 - 1 : 0;
      begin = std::min(begin, head);
      end = std::min(begin + limit, head);
    }
    return std::vector<chat::RecordPtr>(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                        all.begin() + static_cast<std::ptrdiff_t>(end));
  }

 private:
  static bool has_member(const chat::ChatState& state, UserId user) {
    return std::ranges::any_of(state.members,
                               [&](const chat::Member& member) { return member.user == user; });
  }
  [[nodiscard]] chat::ChatDocument document(const chat::ChatState& state) const {
    chat::ChatDocument out{state.chat, state.members, {}, state.head};
    if (state.chat.owner) out.owner_name = store_.users().at(*state.chat.owner).name;
    return out;
  }
  template <class Wanted>
  Result<chat::ChatPage> page_of(Wanted wanted, std::size_t page, std::size_t limit) const {
    std::vector<const chat::ChatState*> found;
    for (const auto& [id, state] : store_.chats()) {
      if (wanted(state)) found.push_back(&state);
    }
    std::ranges::sort(found, [](const auto* a, const auto* b) {
      return a->chat.number.value > b->chat.number.value;
    });
    chat::ChatPage out;
    out.total = found.size();
    for (std::size_t i = (page - 1) * limit; i < found.size() && out.chats.size() < limit; ++i) {
      out.chats.push_back(document(*found[i]));
    }
    return out;
  }

  const chat::testing::FakeStore& store_;
  std::uint64_t rows_read_;
};

}  // namespace maru::gateway::testing
