#include "gateway/recovery/recovery_read.hpp"

#include <algorithm>
#include <utility>

#include "wire/wire_event.hpp"

namespace maru::gateway {
namespace {

using Placed = std::pair<wire::Position, net::TextFrame>;

const fanout::MissedChat* find_missed(const fanout::Recovery& recovery, ChatId chat) {
  const auto found = std::ranges::find(recovery.missed, chat, &fanout::MissedChat::chat);
  return found == recovery.missed.end() || found->records.empty() ? nullptr : &*found;
}

// False: the store does not hold exactly what was delivered.
Result<bool> read_chat(chat::Snapshot& snapshot, const fanout::MissedChat& missed,
                       std::vector<Placed>& out, std::size_t& bytes_left) {
  const Sequence before{missed.records.front().first.value - 1};
  auto records =
      snapshot.read_records(missed.chat, chat::RecordRange::kAfter, before, missed.records.size());
  if (!records) return std::unexpected(std::move(records.error()));
  if (records->size() != missed.records.size()) return false;
  const wire::EventEncoder encoder;
  for (std::size_t i = 0; i < records->size(); ++i) {
    const auto& [sequence, position] = missed.records[i];
    if ((*records)[i]->sequence != sequence) return false;
    net::TextFrame frame = encoder.encode_record(*(*records)[i], position);
    if (frame.bytes().size() > bytes_left) return false;
    bytes_left -= frame.bytes().size();
    out.emplace_back(position, std::move(frame));
  }
  return true;
}

}  // namespace

Result<std::optional<Missed>> read_missed(chat::Snapshot& snapshot,
                                          const fanout::Recovery& recovery, wire::Position offset,
                                          std::size_t bytes_max) {
  Missed missed;
  std::vector<Placed> placed;
  std::vector<ChatId> kept;
  for (const ChatId& chat : recovery.socket.chats) {
    const auto is_member = snapshot.is_member(chat, recovery.socket.user);
    if (!is_member) return std::unexpected(is_member.error());
    if (!*is_member) continue;
    kept.push_back(chat);
    if (const fanout::MissedChat* of_chat = find_missed(recovery, chat)) {
      const auto fits = read_chat(snapshot, *of_chat, placed, bytes_max);
      if (!fits) return std::unexpected(fits.error());
      if (!*fits) return std::optional<Missed>();
    }
  }
  missed.plan = fanout::plan_resume(recovery, offset, [&](const ChatId& chat) {
    return std::ranges::find(kept, chat) != kept.end();
  });
  std::ranges::sort(placed, {}, &Placed::first);
  missed.frames.reserve(placed.size());
  for (Placed& one : placed) missed.frames.push_back(std::move(one.second));
  return std::optional<Missed>(std::move(missed));
}

}  // namespace maru::gateway
