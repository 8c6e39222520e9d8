// A thread that owns some soft state and is asked and told through its mailbox; answers are posted
// by the callbacks to whoever asked.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "base/job.hpp"
#include "base/mailbox.hpp"
#include "base/memory.hpp"
#include "base/thread_name.hpp"

namespace maru::fanout {

class TaskThread {
 public:
  TaskThread() : mailbox_(kMailboxMax) {}
  ~TaskThread() { stop(); }
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  // `turn` runs after each batch of tasks, and at the latest after the time that `rest` gives, both
  // on the thread; `end` when everything posted before stop() was done.
  template <class Turn, class Rest, class End>
  void start(const char* name, Turn turn, Rest rest, End end) {
    thread_ = std::thread([this, name, turn, rest, end]() mutable {
      name_this_thread(name);
      owner_ = std::this_thread::get_id();
      // Who is told half of what it holds is told wrong: it waits for memory instead.
      const memory::Patience patience;
      std::vector<Job> tasks;
      while (mailbox_.wait_drain(tasks, rest())) {
        for (Job& task : tasks) task();
        turn();
      }
      end();
    });
  }
  [[nodiscard]] bool has_started() const { return thread_.joinable(); }
  // Blocks until the thread has ended. Again is fine.
  void stop() {
    mailbox_.close();
    if (thread_.joinable()) thread_.join();
  }

  // Any thread. What must not be lost waits while the mailbox is full; the thread never waits for
  // others, so it does not stay full. False after stop().
  bool post(Job&& task) { return mailbox_.post_wait(std::move(task)) == PostResult::kPosted; }
  // The same for what may be lost.
  void try_post(Job&& task) { (void)mailbox_.try_post(std::move(task)); }
  // `answer` is called with what `find()` gives, on the thread; after stop() at once, on the
  // caller's, with nothing.
  template <class Answer, class Find>
  void ask(Answer answer, Find find) {
    Job task = [this, answer = std::move(answer), find = std::move(find)]() mutable {
      answer(std::this_thread::get_id() == owner_ ? find() : decltype(find()){});
    };
    // What is not posted is left as it was.
    if (!post(std::move(task))) task();  // NOLINT(bugprone-use-after-move)
  }

 private:
  static constexpr std::size_t kMailboxMax = 64 * 1024;
  Mailbox<Job> mailbox_;
  std::atomic<std::thread::id> owner_;  // the thread, once it runs
  std::thread thread_;
};

}  // namespace maru::fanout
