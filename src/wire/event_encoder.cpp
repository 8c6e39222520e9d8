#include "chat/fold.hpp"
#include "wire/documents.hpp"
#include "wire/wire_event.hpp"

namespace maru::wire {
namespace {

// Where a packet is put together before it becomes a frame of exactly its size. One per thread,
// kept between events, so that a frame costs the one allocation of its own bytes.
class Scratch {
 public:
  // Opens `42[`; the arguments go into text() next.
  Scratch() { text().assign("42["); }
  // Opens `42["name",`; write the payload into text() next.
  explicit Scratch(std::string_view name) { text().assign("42[\"").append(name).append("\","); }
  ~Scratch() {
    // A chat of a hundred members fits many times; anything larger is not worth keeping.
    if (text().capacity() > kKeptBytesMax) std::string().swap(text());
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  static std::string& text() {
    thread_local std::string buffer;
    return buffer;
  }

  // Both leave the text as it was, so that one may follow the other.
  static net::TextFrame finish() { return finish_with("]"); }
  // With an offset as the last argument.
  static net::TextFrame finish_with_offset(Position position) {
    std::string& buffer = text();
    const std::size_t size = buffer.size();
    buffer.append(",\"");
    append_offset(buffer, position);
    net::TextFrame frame = finish_with("\"]");
    buffer.resize(size);
    return frame;
  }

 private:
  static net::TextFrame finish_with(std::string_view tail) {
    std::string& buffer = text();
    const std::size_t size = buffer.size();
    buffer.append(tail);
    net::TextFrame frame = net::TextFrame::make(buffer);
    buffer.resize(size);
    return frame;
  }

  static constexpr std::size_t kKeptBytesMax = 64 * 1024;
};

// The same event with an offset as its last argument.
net::TextFrame add_offset(const net::TextFrame& event, Position position) {
  std::string tail = ",\"";
  append_offset(tail, position);
  tail += "\"]";
  std::string_view arguments = event.payload();
  arguments.remove_suffix(1);
  return net::TextFrame::join(arguments, tail);
}

void finish(WireEvent& out, Offsets offsets) {
  out.plain = Scratch::finish();
  if (offsets == Offsets::kEncode && out.position != 0) {
    out.with_offset = Scratch::finish_with_offset(out.position);
  }
}

void encode_body(WireEvent& out, const chat::RecordCommitted& event, Offsets offsets) {
  const chat::Record& record = *event.record;
  out.route = WireEvent::Route::kChat;
  out.chat = record.chat;
  out.sequence = record.sequence;
  if (const auto left = chat::effect_of(record).left) {
    out.detaches_subject = true;
    out.users.push_back(*left);
  }

  out.plain = event_of(event.record);
  if (offsets == Offsets::kEncode && out.position != 0) {
    out.with_offset = add_offset(out.plain, out.position);
  }
}

void encode_body(WireEvent& out, const chat::ChatAdded& event, Offsets offsets) {
  out.route = WireEvent::Route::kUsers;
  out.chat = event.document.chat.id;
  out.users = event.users;

  Scratch scratch("chatAdded");
  json::Writer writer(Scratch::text());
  writer.begin_object();
  writer.key("chatId").id(event.document.chat.id);
  writer.key("chat");
  write_chat(writer, event.document, OwnerForm::kId);
  writer.end_object();
  finish(out, offsets);
}

void encode_body(WireEvent& out, const chat::ChatRemoved& event, Offsets offsets) {
  out.route = WireEvent::Route::kUsers;
  out.chat = event.chat;
  out.users = event.users;
  out.ends_membership = true;

  Scratch scratch("chatRemoved");
  json::Writer writer(Scratch::text());
  writer.begin_object();
  writer.key("chatId").id(event.chat);
  writer.key("number").integer(event.number.value);
  writer.end_object();
  finish(out, offsets);
}

void encode_body(WireEvent& out, const chat::SessionRevoked& event, Offsets) {
  out.route = WireEvent::Route::kSession;
  out.users.push_back(event.user);
  out.session = event.session;
  out.position = 0;

  Scratch scratch("sessionRevoked");
  json::Writer writer(Scratch::text());
  writer.begin_object().key("sessionId").id(event.session).end_object();
  out.plain = Scratch::finish();
}

}  // namespace

net::TextFrame event_of(const chat::RecordPtr& record) {
  return net::TextFrame::of(record->told.get([&] {
    const Scratch scratch;
    append_record_event(Scratch::text(), *record);
    return Scratch::finish().bytes();
  }));
}

std::string_view message_in(const net::TextFrame& event) {
  std::string_view payload = event.payload();
  payload.remove_suffix(1);
  return payload.substr(payload.find(',') + 1);  // an event's name has no comma
}

WireEvent EventEncoder::encode(const chat::Event& event, Position position, Offsets offsets) const {
  WireEvent out;
  out.position = position;
  std::visit([&](const auto& body) { encode_body(out, body, offsets); }, event);
  return out;
}

WireEvent EventEncoder::encode_presence(const UserId& user, bool online,
                                        std::optional<WallTime> last_seen_at) const {
  WireEvent out;
  out.route = WireEvent::Route::kWatchers;
  out.users.push_back(user);

  Scratch scratch("presence");
  json::Writer writer(Scratch::text());
  writer.begin_object();
  writer.key("userId").id(user);
  writer.key("active").boolean(online);
  writer.key("lastSeenAt");
  if (last_seen_at) {
    writer.time(*last_seen_at);
  } else {
    writer.null();
  }
  writer.end_object();
  out.plain = Scratch::finish();
  return out;
}

net::TextFrame EventEncoder::encode_record(const chat::Record& record, Position position) const {
  const Scratch scratch;
  append_record_event(Scratch::text(), record);
  return position == 0 ? Scratch::finish() : Scratch::finish_with_offset(position);
}

net::TextFrame make_event(std::string_view name, std::string_view payload_json, Position position) {
  Scratch scratch(name);
  Scratch::text().append(payload_json);
  return position == 0 ? Scratch::finish() : Scratch::finish_with_offset(position);
}

}  // namespace maru::wire
