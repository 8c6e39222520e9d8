#include "base/clock.hpp"

namespace maru {
namespace {

struct Date {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

Date civil_from_days(std::int64_t days) {
  const std::chrono::year_month_day ymd{std::chrono::sys_days{std::chrono::days{days}}};
  return {static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()),
          static_cast<unsigned>(ymd.day())};
}

void put(char* out, std::int64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

void write_rfc3339(WallTime time, char* out) {
  constexpr std::int64_t kDayMs = 86'400'000;
  std::int64_t days = time.ms / kDayMs;
  std::int64_t rest = time.ms % kDayMs;
  if (rest < 0) {
    rest += kDayMs;
    --days;
  }
  const Date date = civil_from_days(days);
  put(out, date.year, 4);
  out[4] = '-';
  put(out + 5, date.month, 2);
  out[7] = '-';
  put(out + 8, date.day, 2);
  out[10] = 'T';
  put(out + 11, rest / 3'600'000, 2);
  out[13] = ':';
  put(out + 14, rest / 60'000 % 60, 2);
  out[16] = ':';
  put(out + 17, rest / 1000 % 60, 2);
  out[19] = '.';
  put(out + 20, rest % 1000, 3);
  out[23] = 'Z';
}

std::string to_rfc3339(WallTime time) {
  std::string out(24, '\0');
  write_rfc3339(time, out.data());
  return out;
}

WallTime SystemClock::wall() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

MonotonicTime SystemClock::monotonic() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

}  // namespace maru
