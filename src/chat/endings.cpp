#include "chat/endings.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "base/thread_name.hpp"

namespace maru::chat {
namespace {

constexpr std::chrono::seconds kPause{1};  // where a pass was stuck
constexpr std::size_t kPageSize = 500;

// Commands that are asked together. Each answer is told to `hear`, on any thread.
template <class Hear>
bool ask_all(CommandLog& commands, std::vector<CommandBody> bodies, Hear hear) {
  struct Asked {
    explicit Asked(std::size_t count) : left(static_cast<std::ptrdiff_t>(count)) {}
    std::latch left;
    std::atomic<bool> all_done{true};
  };
  const auto asked = std::make_shared<Asked>(bodies.size());
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    Command command{std::move(bodies[i]), [asked, i, hear](const Reply& reply) {
                      if (!hear(i, reply)) asked->all_done = false;
                      asked->left.count_down();
                    }};
    if (commands.submit(std::move(command))) continue;
    asked->all_done = false;
    asked->left.count_down();
  }
  asked->left.wait();
  return asked->all_done;
}

}  // namespace

Result<std::vector<EndingPass::Ending>> EndingPass::read(Snapshot& snapshot) {
  const auto users = snapshot.list_ending(kUsersMax);
  if (!users) return std::unexpected(users.error());
  std::vector<Ending> endings;
  for (const UserId& user : *users) {
    Ending ending{user};
    std::string cursor;
    do {
      auto page = snapshot.list_memberships(user, cursor, kPageSize);
      if (!page) return std::unexpected(std::move(page.error()));
      for (const Membership& membership : page->chats) ending.chats.push_back(membership.chat);
      cursor = page->cursor.value_or("");
    } while (!cursor.empty());
    endings.push_back(std::move(ending));
  }
  return endings;
}

Result<std::vector<EndingPass::Ending>> EndingPass::find() {
  using Found = Result<std::vector<Ending>>;
  auto found = std::make_shared<std::promise<Found>>();
  auto answer = found->get_future();
  const bool posted = queries_.post(Lane::kBulk, [found = std::move(found)](Snapshot& snapshot) {
    found->set_value(read(snapshot));
  });
  if (!posted) return fail(ErrorCode::kOverloaded);
  try {
    return answer.get();
  } catch (const std::future_error&) {  // the query was dropped: the server stops
    return fail(ErrorCode::kUnavailable);
  }
}

// In a 1:1 the user stays, for the other's sake; but it is read anew, for it is an ended user's
// now.
bool EndingPass::leave(std::vector<Ending>& endings, const std::atomic<bool>& stopping) {
  std::vector<std::pair<Ending*, ChatId>> all;
  for (Ending& ending : endings) {
    for (const ChatId& chat : ending.chats) all.emplace_back(&ending, chat);
  }
  bool done = true;
  for (std::span rest(all); !rest.empty() && !stopping;) {
    const auto some = rest.first(std::min(rest.size(), kInFlightMax));
    rest = rest.subspan(some.size());
    std::vector<CommandBody> bodies;
    for (const auto& [ending, chat] : some) {
      bodies.emplace_back(LeaveChat{.chat = chat, .user = ending->user, .ended = true});
    }
    std::vector<std::atomic<bool>> clean(some.size());
    done &= ask_all(commands_, std::move(bodies), [&clean](std::size_t i, const Reply& reply) {
      clean[i] = reply && !std::get<Left>(*reply).left;
      return reply.has_value();
    });
    for (std::size_t i = 0; i < some.size(); ++i) some[i].first->clean &= clean[i];
  }
  return done && !stopping;
}

bool EndingPass::finish(const std::vector<Ending>& endings) {
  std::vector<CommandBody> bodies;
  for (const Ending& ending : endings) {
    if (ending.clean) bodies.emplace_back(FinishEnding{ending.user});
  }
  return ask_all(commands_, std::move(bodies),
                 [](std::size_t, const Reply& reply) { return reply.has_value(); });
}

EndingPass::Outcome EndingPass::run(const std::atomic<bool>& stopping) {
  auto endings = find();
  if (!endings || stopping) return Outcome::kStuck;
  if (endings->empty()) return Outcome::kDone;
  const bool left = leave(*endings, stopping);
  if (stopping) return Outcome::kStuck;
  return finish(*endings) && left ? Outcome::kMore : Outcome::kStuck;
}

void Endings::start() {
  thread_ = std::thread([this] { run(); });
}

void Endings::look() {
  {
    std::lock_guard lock(mutex_);
    due_ = true;
  }
  changed_.notify_one();
}

void Endings::request_stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
}

void Endings::stop() {
  request_stop();
  if (thread_.joinable()) thread_.join();
}

void Endings::run() {
  name_this_thread("endings");
  bool was_stuck = false;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return due_ || stopping_; });
      if (stopping_) return;
      due_ = false;
    }
    auto outcome = EndingPass::Outcome::kStuck;
    [[maybe_unused]] const bool had_memory =
        memory::survive([&] { outcome = pass_.run(stopping_); });
    const bool is_stuck = outcome == EndingPass::Outcome::kStuck;
    // Once, until it goes on: it is tried again every second.
    if (is_stuck && !stopping_ && !was_stuck) log::warn("endings_stuck");
    was_stuck = is_stuck;
    if (outcome == EndingPass::Outcome::kDone) continue;
    std::unique_lock lock(mutex_);
    due_ = true;
    if (is_stuck) changed_.wait_for(lock, kPause, [this] { return stopping_.load(); });
  }
}

}  // namespace maru::chat
