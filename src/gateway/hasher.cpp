#include "gateway/hasher.hpp"

#include <pthread.h>
#include <sched.h>
#include <sodium.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <variant>
#include <vector>

#include "base/mailbox.hpp"
#include "base/thread_name.hpp"

namespace maru::gateway {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemoryBytes = 19'456 * 1024;
constexpr std::size_t kHashBytesMax = crypto_pwhash_STRBYTES;  // with its final NUL

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

// Empty when there is no memory for it.
std::string make_hash(std::string_view password) {
  char text[kHashBytesMax] = {};
  if (crypto_pwhash_str_alg(text, password.data(), password.size(), kPasses, kMemoryBytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return {};
  }
  return text;
}

Verification verify_hash(Secret password, const std::string& hash) {
  Verification result{false, {}, std::move(password)};
  const std::string_view text = result.password.view();
  if (hash.empty() || hash.size() >= kHashBytesMax) {
    // The same work as for a known user.
    static_cast<void>(make_hash(text));
    return result;
  }
  char stored[kHashBytesMax] = {};
  hash.copy(stored, hash.size());
  result.matches = crypto_pwhash_str_verify(stored, text.data(), text.size()) == 0;
  if (result.matches && crypto_pwhash_str_needs_rehash(stored, kPasses, kMemoryBytes) != 0) {
    result.renewed = make_hash(text);  // without memory for it the next login will
  }
  return result;
}

}  // namespace

struct Hasher::Implementation {
  // The box itself never refuses (but when closed): `outstanding` is the bound, because a drained
  // batch still counts.
  Mailbox<Job> mailbox{2 * kQueueMax};
  std::atomic<std::size_t> outstanding{0};
  std::atomic<bool> stopping{false};
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
    // Chat goes first on a busy machine; where the policy is not allowed the thread just runs.
    sched_param parameters{};
    static_cast<void>(pthread_setschedparam(pthread_self(), SCHED_IDLE, &parameters));
    std::vector<Job> jobs;
    while (mailbox.wait_drain(jobs, std::chrono::hours(1))) {
      for (Job& job : jobs) {
        if (!stopping.load()) work(job);
        outstanding.fetch_sub(1);
      }
      jobs.clear();
    }
  }

  static void work(Job& job) {
    if (auto* hash = std::get_if<HashJob>(&job.kind)) {
      std::string made = make_hash(job.password.view());
      job.password.clear();
      hash->answer(std::move(made));
    } else {
      auto& verify = std::get<VerifyJob>(job.kind);
      verify.answer(verify_hash(std::move(job.password), verify.hash));
    }
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
