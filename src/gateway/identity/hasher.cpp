#include "gateway/identity/hasher.hpp"

#include <sodium.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/mailbox.hpp"
#include "base/memory.hpp"
#include "base/thread_name.hpp"
#include "gateway/identity/argon2id.hpp"

namespace maru::gateway {
namespace {

// Between the threads of chat and those of the machine's idle work: at idle priority a busy machine
// let nobody log in, and what the hasher held then held up chat (docs/adr/0010).
constexpr int kNice = 10;
// So long after the last job the memory of hashing is given back.
constexpr std::chrono::seconds kMemoryKept{60};

struct HashJob {
  std::move_only_function<void(std::string)> answer;
};
struct VerifyJob {
  std::string hash;
  std::move_only_function<void(Verification)> answer;
};
struct Job {
  HashShare share = HashShare::kStrangers;
  Secret password;
  std::variant<HashJob, VerifyJob> kind;
};

std::size_t index_of(HashShare share) {
  return static_cast<std::size_t>(share);
}

}  // namespace

struct Hasher::Implementation {
  // The box itself never refuses (but when closed): `waiting` is the bound, because a drained batch
  // still counts.
  Mailbox<Job> mailbox{2 * kHashShareCount * kQueueMax};
  Counters counters;
  std::atomic<bool> stopping{false};
  // Of the thread:
  std::array<std::deque<Job>, kHashShareCount> queues;
  unsigned known_in_a_row = 0;
  Argon2id argon2id;
  std::thread thread;

  bool post(Job&& job) {
    const std::size_t share = index_of(job.share);
    if (counters.waiting[share].fetch_add(1) < kQueueMax &&
        mailbox.try_post(std::move(job)) == PostResult::kPosted) {
      return true;
    }
    counters.waiting[share].fetch_sub(1);
    counters.refused[share].fetch_add(1);
    return false;
  }

  void run() {
    // On Linux this is the calling thread alone.
    static_cast<void>(setpriority(PRIO_PROCESS, 0, kNice));
    const memory::Patience patience;  // what is counted here is given back here
    while (take_what_came()) {
      std::deque<Job>* queue = next_queue();
      if (queue == nullptr) {
        argon2id.release_memory();
        continue;
      }
      Job job = std::move(queue->front());
      queue->pop_front();
      known_in_a_row = job.share == HashShare::kKnown ? known_in_a_row + 1 : 0;
      const std::size_t share = index_of(job.share);
      if (!stopping.load()) {
        work(job);
        counters.done[share].fetch_add(1);
      }
      counters.waiting[share].fetch_sub(1);
    }
  }

  // Sleeps where there is nothing to do. False: the hasher ends.
  bool take_what_came() {
    std::vector<Job> jobs;
    if (next_queue() != nullptr) {
      mailbox.drain(jobs);
    } else if (!mailbox.wait_drain(jobs, kMemoryKept)) {
      return false;
    }
    for (Job& job : jobs) queues[index_of(job.share)].push_back(std::move(job));
    return true;
  }

  // Whose turn it is; null: nobody waits.
  std::deque<Job>* next_queue() {
    std::deque<Job>& known = queues[index_of(HashShare::kKnown)];
    std::deque<Job>& strangers = queues[index_of(HashShare::kStrangers)];
    if (known.empty()) return strangers.empty() ? nullptr : &strangers;
    return !strangers.empty() && known_in_a_row >= kKnownInARowMax ? &strangers : &known;
  }

  void work(Job& job) {
    if (auto* hash = std::get_if<HashJob>(&job.kind)) {
      std::string made = argon2id.hash(job.password.view());
      job.password.clear();
      hash->answer(std::move(made));
    } else {
      auto& verify = std::get<VerifyJob>(job.kind);
      verify.answer(verify_hash(std::move(job.password), verify.hash));
    }
  }

  Verification verify_hash(Secret password, const std::string& hash) {
    Verification result{false, {}, std::move(password)};
    const std::string_view text = result.password.view();
    const Argon2id::Match match = argon2id.verify(text, hash);
    result.matches = match != Argon2id::Match::kNo;
    // Without memory for it the next login will.
    if (match == Argon2id::Match::kOfOldParameters) result.renewed = argon2id.hash(text);
    return result;
  }
};

Hasher::Hasher() : implementation_(std::make_unique<Implementation>()) {
  if (sodium_init() < 0) std::abort();  // no random source: nothing here would be safe
  implementation_->thread = std::thread([this] {
    name_this_thread("hasher");
    implementation_->run();
  });
}

Hasher::~Hasher() {
  implementation_->stopping = true;
  implementation_->mailbox.close();
  implementation_->thread.join();
}

bool Hasher::hash(HashShare share, Secret password,
                  std::move_only_function<void(std::string)> answer) {
  return implementation_->post({share, std::move(password), HashJob{std::move(answer)}});
}

bool Hasher::verify(HashShare share, Secret password, std::string hash,
                    std::move_only_function<void(Verification)> answer) {
  return implementation_->post(
      {share, std::move(password), VerifyJob{std::move(hash), std::move(answer)}});
}

const Hasher::Counters& Hasher::counters() const {
  return implementation_->counters;
}

}  // namespace maru::gateway
