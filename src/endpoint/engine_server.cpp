#include "endpoint/engine_server.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/memory.hpp"
#include "engineio/packet.hpp"
#include "net/address.hpp"

namespace maru::endpoint {
namespace {

using HeadKind = net::HeadVerdict::Kind;

// When memory is short, a session may hold so much for polls to come.
constexpr std::size_t kHeldWhenShort = 16 * 1024;

constexpr net::HeadVerdict kAnswered{HeadKind::kAnswered, 0, 0, false};

// Nobody polls a session whose client has said its last.
constexpr net::HeadVerdict kPending{HeadKind::kAnswered, 0, 0, true};

}  // namespace

// What is known of a request while it is being decided.
struct EngineServer::Request {
  HandshakeQuery query;
  std::optional<Sid> sid;
  EngineSession* session = nullptr;
  RequestVerdict verdict;
};

EngineServer::EngineServer(net::IoThread& thread, const EndpointOptions& options,
                           EngineApplication& application, Endpoint::Random random)
    : thread_(thread),
      options_(options),
      timing_{options.ping_interval_ms, options.ping_timeout_ms, options.upgrade_timeout_ms},
      application_(application),
      random_(std::move(random)),
      ping_frame_(net::TextFrame::make(engineio::kPingPacket)),
      jitter_ms_(
          std::clamp<std::int64_t>(options.heartbeat_jitter_ms, 0, options.ping_interval_ms / 10)) {
  std::uint32_t seed;
  random_(reinterpret_cast<std::uint8_t*>(&seed), sizeof seed);
  jitter_.seed(seed);
}

EngineServer::~EngineServer() {
  for (EngineSession* session : table_.all()) delete session;
  for (EngineSession* session : closing_) delete session;
}

std::int64_t EngineServer::early_ms() {
  return jitter_ms_ == 0 ? 0 : static_cast<std::int64_t>(jitter_()) % jitter_ms_;
}

// --- Requests --------------------------------------------------------------------------------

bool EngineServer::owns_path(const net::RequestHead& head) const {
  return head.path().starts_with(options_.path);
}

bool EngineServer::belongs_elsewhere(Request& request, net::HeadVerdict& verdict) {
  if (request.query.sid.empty()) return false;
  request.sid = parse_sid(request.query.sid);
  if (!request.sid) return false;
  if (request.sid->thread == thread_.index()) {
    request.session = table_.find(request.sid->secret);
    return false;
  }
  if (request.sid->thread >= thread_.peer_count()) return false;
  add(counters_.moved_connections);
  verdict = {HeadKind::kMove, 0, request.sid->thread};
  return true;
}

net::HeadVerdict EngineServer::on_head(net::HttpExchange exchange, const net::RequestHead& head) {
  if (!owns_path(head)) {
    exchange.respond(empty_answer(404, {}));
    return kAnswered;
  }
  Request request;
  request.query = read_handshake_query(head.query());
  net::HeadVerdict move;
  if (belongs_elsewhere(request, move)) return move;
  if (head.wants_websocket) return {HeadKind::kReadBody, 0, 0};  // decided in on_upgrade
  request.verdict =
      application_.on_request(head, request.session ? request.session->handshake_data() : nullptr);
  return decide(exchange, head, request);
}

// The order of the checks is the reference's (protocol.md 1.1), but that whoever is not allowed
// learns nothing else. An Origin with characters that HTTP does not allow has not come so far.
net::HeadVerdict EngineServer::decide(net::HttpExchange exchange, const net::RequestHead& head,
                                      Request& request) {
  const HandshakeQuery& query = request.query;
  if (!request.verdict.allowed) {
    return refuse(exchange, EngineError::kForbidden, request, request.verdict.forbidden_message);
  }
  if (head.method == net::Method::kOptions && allows_origin(request.verdict.fields)) {
    exchange.respond(preflight_answer(head, std::move(request.verdict.fields)));
    return kAnswered;
  }
  if (query.transport == HandshakeQuery::Transport::kUnknown) {
    return refuse(exchange, EngineError::kTransportUnknown, request);
  }
  if (query.has_sid) return on_session_request(exchange, head, request);
  if (head.method != net::Method::kGet) {
    return refuse(exchange, EngineError::kBadMethod, request);
  }
  if (query.transport != HandshakeQuery::Transport::kPolling) {
    return refuse(exchange, EngineError::kBadRequest, request);
  }
  if (!query.is_protocol_4) return refuse(exchange, EngineError::kUnsupportedVersion, request);
  open_polling(exchange, head, request);
  return kAnswered;
}

net::HeadVerdict EngineServer::on_session_request(net::HttpExchange exchange,
                                                  const net::RequestHead& head, Request& request) {
  const bool polling = request.query.transport == HandshakeQuery::Transport::kPolling;
  EngineSession* const session = request.session;
  if (!session) {
    if (polling && request.sid && head.method == net::Method::kGet) {
      if (auto payload = take_last_words(request.sid->secret)) {
        exchange.respond(payload_answer(std::move(*payload), std::move(request.verdict.fields)));
        return kAnswered;
      }
    }
    return refuse(exchange, EngineError::kSessionUnknown, request);
  }
  if (!polling || session->is_websocket()) {
    return refuse(exchange, EngineError::kBadRequest, request);
  }
  if (head.method == net::Method::kGet) {
    add_exchange(exchange, std::move(request.verdict.fields), *session);
    session->on_get(exchange.id());
    return kPending;
  }
  if (head.method == net::Method::kPost) return on_post(exchange, head, request);
  exchange.respond(empty_answer(500, std::move(request.verdict.fields)));
  return kAnswered;
}

net::HeadVerdict EngineServer::on_post(net::HttpExchange exchange, const net::RequestHead& head,
                                       Request& request) {
  EngineSession& session = *request.session;
  if (head.field("content-type") == "application/octet-stream") {
    exchange.respond(empty_answer(400, std::move(request.verdict.fields)));
    session.close(DisconnectReason::kTransportError);
    return kAnswered;
  }
  if (!session.begin_post(exchange.id())) {
    exchange.respond(empty_answer(400, std::move(request.verdict.fields)));
    return kAnswered;
  }
  auto lease = lease_for_body(head, session);
  if (lease && !*lease) {
    options_.post_budget->total().count_refusal();
    exchange.respond(unavailable_answer(std::move(request.verdict.fields)));
    session.on_post_refused();
    session.close(DisconnectReason::kLetGo);
    return kAnswered;
  }
  add_exchange(exchange, std::move(request.verdict.fields), session).body_lease = std::move(lease);
  return {HeadKind::kReadBody, session.post_bytes_max(), 0, true};
}

std::unique_ptr<SharedBudget::Lease> EngineServer::lease_for_body(
    const net::RequestHead& head, const EngineSession& session) const {
  const std::size_t bytes_max = session.post_bytes_max();
  std::size_t announced = bytes_max;  // in chunks: who knows
  const std::string_view length = head.field("content-length");
  if (!length.empty()) std::from_chars(length.data(), length.data() + length.size(), announced);
  const bool is_read = announced <= bytes_max;  // else it is answered 413 at once
  const bool is_long = announced > session.packet_bytes_max();
  const bool has_body = !length.empty() || !head.field("transfer-encoding").empty();
  if (!options_.post_budget || !has_body || !is_read || !is_long) return nullptr;
  SharedBudget::Holder holder = SharedBudget::kManyHolders;
  if (!head.exempt_from_address_limits) {
    const auto address = net::Address::parse(head.peer_address).value_or(net::Address{});
    holder = net::AddressHash()(net::limit_prefix(address)) | 1;
  }
  return std::make_unique<SharedBudget::Lease>(options_.post_budget->try_take(holder, announced));
}

void EngineServer::on_request(net::HttpExchange exchange, net::RequestHead&& head,
                              std::string&& body) {
  const auto found = exchanges_.find(exchange.id());
  if (found == exchanges_.end()) return;
  if (EngineSession* session = found->second.session) {
    const std::size_t packet_max = session->packet_bytes_max();
    if (body.size() > packet_max && engineio::longest_packet(body) > packet_max) {
      return on_body_too_large(exchange, head);
    }
    session->on_post_body(std::move(body));
    return;
  }
  add(counters_.refused[static_cast<std::size_t>(EngineError::kSessionUnknown)]);
  exchange.respond(error_answer(EngineError::kSessionUnknown, std::move(found->second.fields)));
  exchanges_.erase(found);
}

void EngineServer::on_body_too_large(net::HttpExchange exchange, const net::RequestHead&) {
  Exchange known;
  if (take_exchange(exchange.id(), known) && known.session) known.session->on_post_refused();
  exchange.respond(empty_answer(413, std::move(known.fields)));
}

void EngineServer::on_aborted(net::HttpExchange exchange) {
  Exchange known;
  if (take_exchange(exchange.id(), known) && known.session) {
    known.session->on_exchange_aborted(exchange.id());
  }
}

net::HeadVerdict EngineServer::refuse(net::HttpExchange exchange, EngineError error,
                                      Request& request, std::string_view message) {
  add(counters_.refused[static_cast<std::size_t>(error)]);
  exchange.respond(error_answer(error, std::move(request.verdict.fields), message));
  return kAnswered;
}

// --- Upgrades --------------------------------------------------------------------------------

void EngineServer::on_upgrade(net::HttpExchange exchange, net::RequestHead&& head) {
  Request request;
  request.query = read_handshake_query(head.query());
  net::HeadVerdict move;  // on_head has seen to that
  if (belongs_elsewhere(request, move)) return;
  EngineSession* const session = request.session;
  request.verdict = application_.on_request(head, session ? session->handshake_data() : nullptr);
  const HandshakeQuery& query = request.query;
  if (!request.verdict.allowed) {
    refuse_upgrade(exchange, EngineError::kForbidden, request, request.verdict.forbidden_message);
  } else if (query.transport == HandshakeQuery::Transport::kUnknown) {
    refuse_upgrade(exchange, EngineError::kTransportUnknown, request);
  } else if (query.has_sid && !session) {
    refuse_upgrade(exchange, EngineError::kSessionUnknown, request);
  } else if (query.transport == HandshakeQuery::Transport::kPolling) {
    turn_away(exchange, request);
  } else if (session) {
    upgrade(exchange, request);
  } else if (!query.is_protocol_4) {
    refuse_upgrade(exchange, EngineError::kUnsupportedVersion, request);
  } else {
    open_websocket(exchange, head, request);
  }
}

void EngineServer::refuse_upgrade(net::HttpExchange exchange, EngineError error, Request& request,
                                  std::string_view message) {
  add(counters_.refused[static_cast<std::size_t>(error)]);
  exchange.respond(upgrade_error_answer(error, std::move(request.verdict.fields), message));
}

// 101 and a close frame: what clients know of a WebSocket that comes at the wrong time.
void EngineServer::turn_away(net::HttpExchange exchange, const Request& request) {
  if (auto* connection = exchange.accept_websocket(unwanted_, request.verdict.fields)) {
    connection->close();
  }
}

void EngineServer::upgrade(net::HttpExchange exchange, Request& request) {
  EngineSession& session = *request.session;
  if (!session.begin_upgrade()) {
    turn_away(exchange, request);
  } else if (auto* connection = exchange.accept_websocket(session, request.verdict.fields)) {
    session.take_probe(*connection);
  } else {
    session.engine_.abandon_upgrade();
  }
}

// --- Sessions --------------------------------------------------------------------------------

std::unique_ptr<EngineSession> EngineServer::make_session(net::HttpExchange exchange,
                                                          const net::RequestHead& head,
                                                          Request& request) {
  std::unique_ptr<EngineSession> session;
  if (!closing_all_) {
    session = application_.make_session(*this, head);
    if (!session) add(counters_.sessions_turned_away);
  }
  if (!session) {
    exchange.respond(unavailable_answer(std::move(request.verdict.fields)));
    return nullptr;
  }
  random_(session->secret_.data(), session->secret_.size());
  session->data_ = std::move(request.verdict.data);
  session->base64_ = request.query.base64;
  return session;
}

void EngineServer::adopt(std::unique_ptr<EngineSession> session) {
  table_.insert(*session);
  session.release();  // NOLINT(bugprone-unused-return-value): the table owns it
  add(counters_.sessions_opened);
  add(counters_.sessions_open);
}

std::string EngineServer::open_packet(const EngineSession& session, bool can_upgrade) const {
  const std::string sid =
      format_sid({static_cast<std::uint16_t>(thread_.index()), session.secret()});
  return engineio::encode_open({sid, can_upgrade, options_.ping_interval_ms,
                                options_.ping_timeout_ms, options_.max_payload});
}

void EngineServer::open_polling(net::HttpExchange exchange, const net::RequestHead& head,
                                Request& request) {
  std::unique_ptr<EngineSession> owned = make_session(exchange, head, request);
  if (!owned) return;
  EngineSession& session = *owned;
  adopt(std::move(owned));
  session.open_polling();
  exchange.respond(payload_answer(open_packet(session, true), std::move(request.verdict.fields)));
}

void EngineServer::open_websocket(net::HttpExchange exchange, const net::RequestHead& head,
                                  Request& request) {
  std::unique_ptr<EngineSession> owned = make_session(exchange, head, request);
  if (!owned) return;
  EngineSession& session = *owned;
  table_.make_room();  // so that from here on the two live and end together
  net::WebSocketConnection* const connection =
      exchange.accept_websocket(session, request.verdict.fields);
  if (!connection) return;  // answered by net/
  adopt(std::move(owned));
  session.open_websocket(*connection);
  const bool told = memory::survive([&] { connection->send_text(open_packet(session, false)); });
  if (!told) session.close(DisconnectReason::kLetGo, Farewell::kComeBack);
}

void EngineServer::prepare_to_forget(EngineSession& session) {
  session.settle_soon();
  closing_.insert(&session);
}

void EngineServer::forget(EngineSession& session, DisconnectReason reason) {
  table_.erase(session);
  subtract(counters_.sessions_open);
  add(counters_.closed[static_cast<std::size_t>(reason)]);
}

void EngineServer::keep_last_words(const EngineSession& session, std::deque<std::string> payloads) {
  if (payloads.empty()) return;
  Tombstones& stones = session.is_on_probation() ? probation_tombstones_ : tombstones_;
  stones.add(session.secret(), std::move(payloads), now());
}

std::optional<std::string> EngineServer::take_last_words(const SessionSecret& secret) {
  if (auto words = tombstones_.take(secret, now())) return words;
  return probation_tombstones_.take(secret, now());
}

void EngineServer::close_all() {
  closing_all_ = true;
  const std::vector<EngineSession*> sessions = table_.all();
  for (EngineSession* session : sessions) {
    session->close(DisconnectReason::kServerShuttingDown);
  }
  run_settling();
}

// --- Exchanges -------------------------------------------------------------------------------

EngineServer::Exchange& EngineServer::add_exchange(net::HttpExchange handle, Fields fields,
                                                   EngineSession& session) {
  Exchange& exchange = exchanges_[handle.id()];
  exchange = {handle, std::move(fields), &session, nullptr};
  return exchange;
}

bool EngineServer::take_exchange(std::uint64_t id, Exchange& out) {
  const auto found = exchanges_.find(id);
  if (found == exchanges_.end()) return false;
  out = std::move(found->second);
  exchanges_.erase(found);
  return true;
}

// `make` turns the fields into the answer. Without memory for one its connection ends.
template <class Make>
void EngineServer::answer(std::uint64_t exchange, Make make) {
  Exchange known;
  if (!take_exchange(exchange, known)) return;
  if (!memory::survive([&] { known.handle.respond(make(std::move(known.fields))); })) {
    known.handle.destroy();
  }
}

void EngineServer::answer_payload(std::uint64_t exchange, std::string payload) {
  answer(exchange,
         [&](Fields&& fields) { return payload_answer(std::move(payload), std::move(fields)); });
}

void EngineServer::answer_ok(std::uint64_t exchange) {
  answer(exchange, [](Fields&& fields) { return ok_answer(std::move(fields)); });
}

void EngineServer::answer_empty(std::uint64_t exchange, int status) {
  answer(exchange, [status](Fields&& fields) { return empty_answer(status, std::move(fields)); });
}

void EngineServer::destroy(std::uint64_t exchange) {
  Exchange known;
  if (take_exchange(exchange, known)) known.handle.destroy();
}

void EngineServer::detach(std::uint64_t exchange) {
  const auto found = exchanges_.find(exchange);
  if (found != exchanges_.end()) found->second.session = nullptr;
}

// --- Settling --------------------------------------------------------------------------------

void EngineServer::settle_soon(EngineSession& session) {
  // In this order nothing is listed that does not know it, whatever finds no memory.
  if (!settling_posted_) {
    thread_.post([this] {
      settling_posted_ = false;
      run_settling();
    });
    settling_posted_ = true;
  }
  settling_.push_back(&session);
}

void EngineServer::run_settling() {
  // What is added meanwhile has its turn in the next one, so that nobody can keep the loop here.
  for (EngineSession* session : std::exchange(settling_, {})) {
    session->queued_ = false;
    // Without memory for it, again in the next turn: it is still there.
    if (!memory::survive([&] { settle(*session); })) {
      [[maybe_unused]] const bool later = memory::survive([&] { session->settle_soon(); });
    }
  }
}

void EngineServer::on_memory_short() {
  for (EngineSession* session : table_.all()) {
    if (session->held_bytes() > kHeldWhenShort) session->close(DisconnectReason::kSlowConsumer);
  }
}

void EngineServer::settle(EngineSession& session) {
  if (!session.settle()) return;
  closing_.erase(&session);
  delete &session;
}

}  // namespace maru::endpoint
