#include "gateway/hasher.hpp"

#include <sodium.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <variant>
#include <vector>

#include "base/mailbox.hpp"
#include "base/thread_name.hpp"
#include "gateway/argon2id.hpp"

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
  Secret password;
  std::variant<HashJob, VerifyJob> kind;
};

}  // namespace

struct Hasher::Implementation {
  // The box itself never refuses (but when closed): `outstanding` is the bound, because a drained
  // batch still counts.
  Mailbox<Job> mailbox{2 * kQueueMax};
  std::atomic<std::size_t> outstanding{0};
  std::atomic<bool> stopping{false};
  Argon2id argon2id;  // of the thread
  std::thread thread;

  bool post(Job&& job) {
    if (outstanding.fetch_add(1) >= kQueueMax) {
      outstanding.fetch_sub(1);
      return false;
    }
    if (mailbox.try_post(std::move(job)) == PostResult::kPosted) return true;
    outstanding.fetch_sub(1);
    return false;
  }

  void run() {
    // On Linux this is the calling thread alone.
    static_cast<void>(setpriority(PRIO_PROCESS, 0, kNice));
    std::vector<Job> jobs;
    while (mailbox.wait_drain(jobs, kMemoryKept)) {
      if (jobs.empty()) argon2id.release_memory();
      for (Job& job : jobs) {
        if (!stopping.load()) work(job);
        outstanding.fetch_sub(1);
      }
      jobs.clear();
    }
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

bool Hasher::hash(Secret password, std::move_only_function<void(std::string)> answer) {
  return implementation_->post({std::move(password), HashJob{std::move(answer)}});
}

bool Hasher::verify(Secret password, std::string hash,
                    std::move_only_function<void(Verification)> answer) {
  return implementation_->post(
      {std::move(password), VerifyJob{std::move(hash), std::move(answer)}});
}

}  // namespace maru::gateway
