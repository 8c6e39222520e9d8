// How much users may put others into chats, who did not ask for it: what keeps one stranger from
// filling everybody's list. Within a window of a day that begins with the first use, counted in the
// store, so that a restart is no way around it.
//
// "Strangers" share no chat. Somebody who is put into a chat has not accepted it until they write
// there: whoever put them in stays a stranger to them, but need not count them a second time.
#pragma once

#include <cstdint>

namespace maru::chat {

struct Quotas {
  bool enabled = true;
  // People whom one user adds while sharing no chat with them. A guest's is enough for one group.
  std::uint32_t strangers_per_account = 200;
  std::uint32_t strangers_per_guest = 100;
  // New chats, groups and 1:1s, into which a user is put by strangers.
  std::uint32_t added_by_strangers = 50;
  std::int64_t window_ms = 24LL * 60 * 60 * 1000;
};

}  // namespace maru::chat
