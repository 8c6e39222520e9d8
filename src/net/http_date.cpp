#include "net/http_date.hpp"

#include <chrono>

namespace maru::net {
namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

char* put(char* out, std::string_view text) {
  return text.copy(out, text.size()) + out;
}

char* put_number(char* out, unsigned number, int digits) {
  for (int i = digits - 1; i >= 0; --i, number /= 10) out[i] = static_cast<char>('0' + number % 10);
  return out + digits;
}

}  // namespace

std::string_view HttpDate::at(WallTime now) {
  using namespace std::chrono;
  const auto instant = floor<seconds>(sys_time<milliseconds>(milliseconds(now.ms)));
  if (instant.time_since_epoch().count() != second_) {
    second_ = instant.time_since_epoch().count();
    const auto day = floor<days>(instant);
    const year_month_day date(day);
    const hh_mm_ss time(instant - day);
    char* out = put(text_.data(), kDays.substr(weekday(day).c_encoding() * 3, 3));
    out = put_number(put(out, ", "), static_cast<unsigned>(date.day()), 2);
    out = put(put(out, " "), kMonths.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3));
    out = put_number(put(out, " "), static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out = put_number(put(out, " "), static_cast<unsigned>(time.hours().count()), 2);
    out = put_number(put(out, ":"), static_cast<unsigned>(time.minutes().count()), 2);
    out = put_number(put(out, ":"), static_cast<unsigned>(time.seconds().count()), 2);
    put(out, " GMT");
  }
  return {text_.data(), text_.size()};
}

}  // namespace maru::net
