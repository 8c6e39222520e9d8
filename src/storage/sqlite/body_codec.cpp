#include "storage/sqlite/body_codec.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <optional>

namespace maru::sqlite {
namespace {

[[noreturn]] void corrupt(const char* what) {
  throw SqliteError(SQLITE_CORRUPT, what);
}

// The bits of the first number of a system body.
constexpr std::uint64_t kArchived = 1;
constexpr std::uint64_t kHasOwner = 2;
constexpr std::uint64_t kHasPromoted = 4;

class Encoder {
 public:
  explicit Encoder(const RefOf& ref_of) : ref_of_(ref_of) {}

  std::string operator()(const chat::Text&) { return {}; }
  std::string operator()(const chat::MemberJoined& body) {
    system(body, 0);
    append_number(out_, static_cast<std::uint64_t>(body.role));
    return std::move(out_);
  }
  std::string operator()(const chat::MemberLeft& body) {
    system(body, body.promoted ? kHasPromoted : 0);
    if (body.promoted) user(*body.promoted);
    return std::move(out_);
  }

 private:
  void user(const UserId& id) { append_number(out_, static_cast<std::uint64_t>(ref_of_(id))); }
  void system(const chat::SystemBody& body, std::uint64_t more) {
    append_number(out_, (body.archived ? kArchived : 0) | (body.owner ? kHasOwner : 0) | more);
    user(body.subject);
    if (body.owner) user(*body.owner);
    append_number(out_, body.member_count);
  }

  const RefOf& ref_of_;
  std::string out_;
};

class Decoder {
 public:
  Decoder(std::string_view in, const UserOf& user_of) : in_(in), user_of_(user_of) {}

  chat::MemberJoined joined() {
    chat::MemberJoined body;
    system(body);
    body.role = role(take_number(in_));
    return body;
  }
  chat::MemberLeft left() {
    chat::MemberLeft body;
    const std::uint64_t bits = system(body);
    if ((bits & kHasPromoted) != 0) body.promoted = user();
    return body;
  }

  static chat::Role role(std::uint64_t stored) {
    if (stored > static_cast<std::uint64_t>(chat::Role::kOwner)) corrupt("a role is unknown");
    return static_cast<chat::Role>(stored);
  }

 private:
  UserId user() { return user_of_(static_cast<Ref>(take_number(in_))); }
  std::uint64_t system(chat::SystemBody& body) {
    const std::uint64_t bits = take_number(in_);
    body.archived = (bits & kArchived) != 0;
    body.subject = user();
    if ((bits & kHasOwner) != 0) body.owner = user();
    body.member_count = static_cast<std::uint32_t>(take_number(in_));
    return bits;
  }

  std::string_view in_;
  const UserOf& user_of_;
};

}  // namespace

void append_number(std::string& out, std::uint64_t number) {
  while (number >= 0x80) {
    out += static_cast<char>(number | 0x80);
    number >>= 7;
  }
  out += static_cast<char>(number);
}

std::uint64_t take_number(std::string_view& in) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    number |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return number;
  }
  corrupt("a stored number has no end");
}

std::string encode_body(const chat::RecordBody& body, const RefOf& ref_of) {
  return std::visit(Encoder(ref_of), body);
}

chat::RecordBody decode_body(std::int64_t kind, std::string_view stored, const UserOf& user_of) {
  Decoder decoder(stored, user_of);
  switch (kind) {
    case chat::stored_kind<chat::Text>():
      return chat::Text{std::string(stored), {}};
    case chat::stored_kind<chat::MemberJoined>():
      return decoder.joined();
    case chat::stored_kind<chat::MemberLeft>():
      return decoder.left();
    default:
      corrupt("a record is of an unknown kind");
  }
}

// Each member: its ref, then its role, entry and acceptance in one number.
std::string encode_members(const std::vector<chat::Member>& members, const RefOf& ref_of) {
  std::string out;
  for (const chat::Member& member : members) {
    append_number(out, static_cast<std::uint64_t>(ref_of(member.user)));
    append_number(out, static_cast<std::uint64_t>(member.role) |
                           static_cast<std::uint64_t>(member.entry) << 2 |
                           static_cast<std::uint64_t>(member.accepted) << 4);
  }
  return out;
}

std::vector<chat::Member> decode_members(std::string_view stored, const UserOf& user_of) {
  std::vector<chat::Member> members;
  while (!stored.empty()) {
    chat::Member& member = members.emplace_back();
    member.user = user_of(static_cast<Ref>(take_number(stored)));
    const std::uint64_t bits = take_number(stored);
    member.role = Decoder::role(bits & 3);
    const std::uint64_t entry = bits >> 2 & 3;
    if (entry > static_cast<std::uint64_t>(chat::Entry::kOpenedToMe))
      corrupt("an entry is unknown");
    member.entry = static_cast<chat::Entry>(entry);
    member.accepted = (bits >> 4 & 1) != 0;
  }
  return members;
}

}  // namespace maru::sqlite
