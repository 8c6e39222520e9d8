// The budgets of the whole process, one place for all: what it may hold of each kind at once,
// beside the bounds of each connection, and what happens at the mark. Made by app/, outlives every
// thread.
//
// A new one is: a limit here with its default, its Budget below, a row in app/option_table.cpp, and
// a line of add_budgets() in app/metrics.cpp, which shows what is used, the mark, and what was
// refused.
#pragma once

#include <cstddef>

#include "base/budget.hpp"

namespace maru {

struct BudgetLimits {
  // Of HTTP answers that were not written yet: --answer-bytes, --answer-bytes-per-user.
  std::size_t answer_bytes = 128 * 1024 * 1024;
  std::size_t answer_bytes_per_user = 16 * 1024 * 1024;
  // Of polling bodies longer than a packet may be: --post-bytes, --post-bytes-per-address.
  std::size_t post_bytes = 64 * 1024 * 1024;
  std::size_t post_bytes_per_address = 8 * 1024 * 1024;
  // Log lines that wait for who reads stderr, half for the audit trail: --log-bytes. Held by
  // base/log_queue.hpp, which drops and counts at the mark.
  std::size_t log_bytes = 4 * 1024 * 1024;
};

struct Budgets {
  explicit Budgets(const BudgetLimits& limits = {})
      : answer_bytes(limits.answer_bytes, limits.answer_bytes_per_user),
        post_bytes(limits.post_bytes, limits.post_bytes_per_address) {}

  // Taken before an answer is made, held until the last of its bytes went to the kernel or its
  // connection ended. At the mark a request waits a while, then it is answered 503 `overloaded`.
  SharedBudget answer_bytes;
  // Taken when such a POST announces its length, held until it was processed. At the mark the POST
  // is answered 503 and its session let go: the client comes back and sends again.
  SharedBudget post_bytes;
};

}  // namespace maru
