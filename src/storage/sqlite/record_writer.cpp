#include "storage/sqlite/record_writer.hpp"

#include <algorithm>

namespace maru::sqlite {
namespace {

// Heads that stay where they are: some fifty pages of the newest. Fewer would make heads of many
// active chats move all the time; more would leave them apart for longer.
constexpr std::int64_t kNewestSlots = 4096;

[[noreturn]] void conflict(const char* what) {
  throw ContractError(ContractError::Kind::kConflict, what);
}

}  // namespace

RecordWriter::RecordWriter(Database& database)
    : database_(database),
      positions_(database),
      insert_record_(
          database,
          "INSERT INTO records(ref, chat, sequence, previous, id, kind, text_count, effect,"
          " created_at, actor, client_msg_id, fingerprint, target, body)"
          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, nullif(?13, 0), ?14)"),
      insert_mark_(database, "INSERT INTO marks VALUES(?1, ?2, ?3)"),
      insert_head_(database, "INSERT INTO heads VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
      read_head_(database,
                 "SELECT slot, sequence, ref, text_count, last_effect FROM heads WHERE chat = ?1"),
      update_head_(database,
                   "UPDATE heads SET sequence = ?4, ref = ?5, text_count = ?6, last_effect = ?7,"
                   " updated_at = ?8 WHERE slot = ?1 AND chat = ?2 AND sequence = ?3"),
      remove_head_(database, "DELETE FROM heads WHERE slot = ?1 AND chat = ?2 AND sequence = ?3"),
      read_newest_slot_(database, "SELECT coalesce(max(slot), 0) FROM heads"),
      read_newest_ref_(database, "SELECT coalesce(max(ref), 0) FROM records") {}

void RecordWriter::add_chat(WrittenChat& chat, WallTime at) {
  chat.slot = newest_slot() + 1;
  insert_head_.execute(chat.slot, chat.ref, 0, 0, 0, 0, at);
  newest_slot_ = chat.slot;
}

void RecordWriter::append(const chat::Record& record, WrittenChat& chat, const RefOf& ref_of) {
  if (chat.slot == 0) load_head(chat);
  const auto sequence = static_cast<std::int64_t>(record.sequence.value);
  if (sequence != chat.head.sequence + 1) conflict("A record is not the next of its chat.");
  const Ref ref = next_ref();
  insert(record, chat, ref, ref_of);
  newest_ref_ = ref;
  chat.head = {sequence, ref};
  chat.text_count = static_cast<std::int64_t>(record.text_count);
  chat.last_effect = static_cast<std::int64_t>(record.last_effect.value);
  chat.updated_at = record.created_at;
  if (sequence % kMarkRecords == 0) mark(chat);
  if (!chat.pending) {
    chat.pending = true;
    pending_.push_back(&chat);
  }
}

void RecordWriter::load_head(WrittenChat& chat) {
  Rows rows = read_head_.query(chat.ref);
  if (!rows.next()) conflict("A chat has no head.");
  chat.slot = rows.integer(0);
  chat.stored = chat.head = {rows.integer(1), rows.integer(2)};
  chat.text_count = rows.integer(3);
  chat.last_effect = rows.integer(4);
}

void RecordWriter::insert(const chat::Record& record, const WrittenChat& chat, Ref ref,
                          const RefOf& ref_of) {
  const auto execute = [&](const auto& client_id, const auto& fingerprint, const auto& body) {
    insert_record_.execute(ref, chat.ref, record.sequence, chat.head.ref, record.id,
                           chat::kind_of(record).stored, record.text_count,
                           record.sequence.value - record.last_effect.value, record.created_at,
                           ref_of(record.actor), client_id, fingerprint, record.target, body);
  };
  const chat::Text* text = chat::text_of(record);
  if (!text) return execute(std::nullopt, std::nullopt, Blob{encode_body(record.body, ref_of)});
  const std::string_view content = text->content;
  if (!text->client_msg_id) return execute(std::nullopt, std::nullopt, content);
  const StoredClientId stored(*text->client_msg_id);
  if (stored.is_packed()) return execute(Blob{stored.bytes()}, text->fingerprint, content);
  execute(stored.bytes(), text->fingerprint, content);
}

// The records up to the head complete a mark.
void RecordWriter::mark(const WrittenChat& chat) {
  const std::vector<Ref>& refs = positions_.chain(chat.head.ref, kMarkRecords);
  if (static_cast<std::int64_t>(refs.size()) != kMarkRecords) conflict("A chat's chain is broken.");
  insert_mark_.execute(chat.ref, chat.head.sequence / kMarkRecords - 1, Blob{encode_mark(refs)});
}

void RecordWriter::flush() {
  // Neighbours one after the other.
  std::ranges::sort(pending_, {}, &WrittenChat::slot);
  for (WrittenChat* chat : pending_) write_head(*chat);
  pending_.clear();
}

void RecordWriter::write_head(WrittenChat& chat) {
  const bool stays = chat.slot > newest_slot() - kNewestSlots;
  if (stays) {
    update_head_.execute(chat.slot, chat.ref, chat.stored.sequence, chat.head.sequence,
                         chat.head.ref, chat.text_count, chat.last_effect, chat.updated_at);
  } else {
    remove_head_.execute(chat.slot, chat.ref, chat.stored.sequence);
  }
  // Nothing else refuses to leave a number out, or to give one twice.
  if (database_.changes() != 1) conflict("The head of a chat is another by now.");
  if (!stays) {
    chat.slot = newest_slot() + 1;
    insert_head_.execute(chat.slot, chat.ref, chat.head.sequence, chat.head.ref, chat.text_count,
                         chat.last_effect, chat.updated_at);
    newest_slot_ = chat.slot;
  }
  chat.stored = chat.head;
  chat.pending = false;
}

void RecordWriter::forget() {
  newest_slot_.reset();
  newest_ref_.reset();
  pending_.clear();
}

std::int64_t RecordWriter::newest_slot() {
  if (!newest_slot_) {
    Rows rows = read_newest_slot_.query();
    newest_slot_ = rows.next() ? rows.integer(0) : 0;
  }
  return *newest_slot_;
}

Ref RecordWriter::next_ref() {
  if (!newest_ref_) {
    Rows rows = read_newest_ref_.query();
    newest_ref_ = rows.next() ? rows.integer(0) : 0;
  }
  return *newest_ref_ + 1;
}

}  // namespace maru::sqlite
