// How the body of a record and the members that a chat began with are stored. Users are named by
// ref, as in every table.
//
// A text's body is its content, TEXT. Every other one is a BLOB: what its kind says, in the order
// of its fields, numbers as LEB128. What was written once is read for ever, so a field is only ever
// added at the end, and one that is missing has its old meaning.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/record.hpp"
#include "storage/sqlite/rows.hpp"

namespace maru::sqlite {

using RefOf = std::function<Ref(const UserId&)>;
using UserOf = std::function<UserId(Ref)>;

void append_number(std::string& out, std::uint64_t number);
// Takes one from the front. Throws SqliteError (SQLITE_CORRUPT) if there is none.
std::uint64_t take_number(std::string_view& in);

// Of a body that is no text.
[[nodiscard]] std::string encode_body(const chat::RecordBody& body, const RefOf& ref_of);
// `kind`: records.kind. Throws SqliteError (SQLITE_CORRUPT) for what is none.
[[nodiscard]] chat::RecordBody decode_body(std::int64_t kind, std::string_view stored,
                                           const UserOf& user_of);

// Those of a chat's creation, in order; without names.
[[nodiscard]] std::string encode_members(const std::vector<chat::Member>& members,
                                         const RefOf& ref_of);
[[nodiscard]] std::vector<chat::Member> decode_members(std::string_view stored,
                                                       const UserOf& user_of);

}  // namespace maru::sqlite
