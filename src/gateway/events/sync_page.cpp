#include "gateway/events/sync_page.hpp"

#include <algorithm>
#include <utility>

#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway {
namespace {

// What an entry costs besides its events and document: ids, numbers, names of fields.
constexpr std::size_t kEntryBytes = 256;
constexpr std::size_t kRemovedBytes = 27;    // an id in quotes and a comma
constexpr std::size_t kEnvelopeBytes = 512;  // epoch and cursor, names of fields

std::string_view to_string(chat::Role role) {
  switch (role) {
    case chat::Role::kOwner:
      return "owner";
    case chat::Role::kAdmin:
      return "admin";
    case chat::Role::kMember:
      break;
  }
  return "member";
}

std::string write_event(const chat::Record& record) {
  std::string out = "[";
  wire::append_record_event(out, record);
  out += ']';
  return out;
}

// Whether the client is to forget what it has of the chat.
bool wants_reset(const SyncPlan& plan, const SyncPlan::Chat& chat, Sequence head,
                 const SyncLimits& limits) {
  if (plan.reset) return true;
  if (!chat.known) return head.value > limits.events_per_chat;
  // Ahead of the log: it cannot be this log that the client has.
  return *chat.known > head || head.value - chat.known->value > limits.behind_max;
}

// The newest page, as much of its end as fits; dense up to the head.
Result<void> read_newest(chat::Snapshot& snapshot, SyncEntry& entry, std::size_t count,
                         std::size_t bytes) {
  auto records = snapshot.read_records(entry.chat, chat::RecordRange::kNewest, Sequence{}, count);
  if (!records) return std::unexpected(std::move(records.error()));
  std::vector<std::string> events;
  std::size_t size = 0;
  for (auto record = records->rbegin(); record != records->rend(); ++record) {
    std::string event = write_event(**record);
    if (!events.empty() && size + event.size() > bytes) break;
    size += event.size() + 1;
    entry.from = Sequence{(*record)->sequence.value - 1};
    events.push_back(std::move(event));
  }
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (!entry.events.empty()) entry.events += ',';
    entry.events += *event;
  }
  return {};
}

// The oldest that the client misses, as many as fit.
Result<void> read_missed(chat::Snapshot& snapshot, SyncEntry& entry, std::size_t count,
                         std::size_t bytes) {
  const Sequence head = entry.to;
  auto records = snapshot.read_records(entry.chat, chat::RecordRange::kAfter, entry.from, count);
  if (!records) return std::unexpected(std::move(records.error()));
  entry.to = entry.from;
  for (const chat::RecordPtr& record : *records) {
    const std::string event = write_event(*record);
    if (!entry.events.empty() && entry.events.size() + event.size() > bytes) break;
    if (!entry.events.empty()) entry.events += ',';
    entry.events += event;
    entry.to = record->sequence;
  }
  entry.more = entry.to < head;
  return {};
}

// Nothing: the user is no member any more.
Result<std::optional<SyncEntry>> read_entry(chat::Snapshot& snapshot, const SyncPlan& plan,
                                            const SyncPlan::Chat& chat, const SyncLimits& limits,
                                            std::size_t bytes) {
  const auto is_member = snapshot.is_member(chat.id, plan.user);
  if (!is_member) return std::unexpected(is_member.error());
  if (!*is_member) return std::nullopt;
  const auto head = snapshot.head(chat.id);
  if (!head) return std::unexpected(head.error());

  SyncEntry entry{.chat = chat.id, .to = *head, .role = chat.role};
  if (!chat.known) {
    const auto document = snapshot.find_chat(chat.id);
    if (!document) return std::unexpected(document.error());
    if (!*document) return std::nullopt;
    json::Writer writer(entry.added);
    wire::write_chat(writer, **document, wire::OwnerForm::kId);
    bytes -= std::min(bytes, entry.added.size());
  }
  entry.reset = wants_reset(plan, chat, *head, limits);
  if (!entry.reset) entry.from = chat.known.value_or(Sequence{});
  if (!entry.reset && entry.from == *head) return entry;
  const auto read = entry.reset ? read_newest(snapshot, entry, limits.events_per_chat, bytes)
                                : read_missed(snapshot, entry, limits.events_per_chat, bytes);
  if (!read) return std::unexpected(read.error());
  return entry;
}

}  // namespace

Result<SyncPage> read_sync_page(chat::Snapshot& snapshot, const SyncPlan& plan,
                                const SyncLimits& limits) {
  SyncPage page;
  std::size_t used = kEnvelopeBytes + plan.left.size() * kRemovedBytes;
  for (const SyncPlan::Chat& chat : plan.chats) {
    const std::size_t left =
        limits.bytes > used + kEntryBytes ? limits.bytes - used - kEntryBytes : 0;
    if (left == 0 && page.handled != 0) break;
    auto entry = read_entry(snapshot, plan, chat, limits, left);
    if (!entry) return std::unexpected(std::move(entry.error()));
    if (!*entry) {
      if (chat.known) {
        page.removed.push_back(chat.id);
        used += kRemovedBytes;
      }
    } else {
      const std::size_t size = (*entry)->events.size() + (*entry)->added.size();
      // Not even one event fitted beside the others: this chat begins the next page.
      if (size > left && page.handled != 0) break;
      used += kEntryBytes + size;
      page.entries.push_back(std::move(**entry));
    }
    ++page.handled;
  }
  for (const ChatId& id : plan.left) {
    // Joined again since the listing: chatAdded tells of it.
    const auto is_member = snapshot.is_member(id, plan.user);
    if (!is_member) return std::unexpected(is_member.error());
    if (!*is_member) page.removed.push_back(id);
  }
  return page;
}

std::string encode_sync_cursor(const SyncCursor& cursor) {
  return cursor.after.hex() + "." + cursor.listing;
}

Result<SyncCursor> decode_sync_cursor(std::string_view text) {
  if (text.empty()) return SyncCursor{};
  constexpr std::size_t kHexSize = 24;
  const auto after = ChatId::parse(text.substr(0, std::min(text.size(), kHexSize)));
  if (!after || text.size() <= kHexSize || text[kHexSize] != '.') {
    return fail_field("cursor", "format", "cursor is not one that this server gave.");
  }
  return SyncCursor{std::string(text.substr(kHexSize + 1)), *after};
}

std::string write_sync_answer(const SyncPage& page, std::string_view epoch, bool reset,
                              const std::optional<SyncCursor>& next) {
  std::string out;
  std::size_t size = 1024 + page.removed.size() * kRemovedBytes;
  for (const SyncEntry& entry : page.entries) {
    size += kEntryBytes + entry.events.size() + entry.added.size();
  }
  out.reserve(size);
  json::Writer writer(out);
  writer.begin_array().begin_object().key("ok").boolean(true);
  writer.key("epoch").string(epoch).key("reset").boolean(reset).key("chats").begin_array();
  for (const SyncEntry& entry : page.entries) {
    writer.begin_object().key("id").id(entry.chat);
    writer.key("from").integer(entry.from.value).key("to").integer(entry.to.value);
    writer.key("events").begin_array();
    if (!entry.events.empty()) writer.raw(entry.events);
    writer.end_array();
    writer.key("more").boolean(entry.more).key("reset").boolean(entry.reset);
    writer.key("readSequence").null().key("role").string(to_string(entry.role)).end_object();
  }
  writer.end_array().key("added").begin_array();
  for (const SyncEntry& entry : page.entries) {
    if (!entry.added.empty()) writer.raw(entry.added);
  }
  writer.end_array().key("removed").begin_array();
  for (const ChatId& id : page.removed) writer.id(id);
  writer.end_array().key("cursor");
  if (next) {
    writer.string(encode_sync_cursor(*next));
  } else {
    writer.null();
  }
  writer.end_object().end_array();
  return out;
}

}  // namespace maru::gateway
