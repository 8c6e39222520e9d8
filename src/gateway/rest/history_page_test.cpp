#include "gateway/rest/history_page.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "json/reader.hpp"
#include "json/writer.hpp"
#include "wire/documents.hpp"

namespace maru::gateway::rest {
namespace {

using chat::RecordRange;

chat::Record record_of(std::uint64_t sequence, std::size_t text_bytes) {
  chat::Record record;
  record.sequence = Sequence{sequence};
  record.actor_name = "a";
  record.body = chat::Text{std::string(text_bytes, 'x'), {}};
  return record;
}

struct Page {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::size_t bytes = 0;
};

// Checks that it is an array of all from first to last.
Page page_of(RecordRange range, std::uint64_t anchor, std::size_t bytes_max, std::uint64_t from,
             std::uint64_t to, std::size_t text_bytes = 1000) {
  HistoryPage page(range, Sequence{anchor}, bytes_max);
  for (std::uint64_t n = from; n <= to; ++n) page.add(record_of(n, text_bytes));
  const std::string json = page.finish();
  json::Parser parser;
  const auto array = parser.parse(json);
  EXPECT_TRUE(array && array->kind() == json::Kind::kArray) << json.substr(0, 200);
  std::size_t items = 0;
  for (std::size_t at = json.find("\"sequence\":"); at != std::string::npos;
       at = json.find("\"sequence\":", at + 1)) {
    ++items;
  }
  const std::uint64_t expected = from > to ? 0 : page.last().value - page.first().value + 1;
  EXPECT_EQ(items, expected);
  return {page.first().value, page.last().value, json.size()};
}

constexpr std::size_t kMax = 20'000;

TEST(HistoryPage, WhatFitsStaysWhole) {
  for (const RecordRange range :
       {RecordRange::kNewest, RecordRange::kBefore, RecordRange::kAfter, RecordRange::kAround}) {
    const Page page = page_of(range, 5, kMax, 1, 10);
    EXPECT_EQ(page.first, 1U);
    EXPECT_EQ(page.last, 10U);
  }
}

TEST(HistoryPage, TheNewestAndThoseBeforeAnAnchorKeepTheirEnd) {
  for (const RecordRange range : {RecordRange::kNewest, RecordRange::kBefore}) {
    const Page page = page_of(range, 101, kMax, 1, 100);
    EXPECT_EQ(page.last, 100U);
    EXPECT_GT(page.first, 80U);
    EXPECT_LE(page.bytes, kMax);
    EXPECT_GT(page.bytes, kMax - 1'500) << "as much as fits";
  }
}

TEST(HistoryPage, ThoseAfterAnAnchorKeepTheirBeginning) {
  const Page page = page_of(RecordRange::kAfter, 0, kMax, 1, 100);
  EXPECT_EQ(page.first, 1U);
  EXPECT_LT(page.last, 20U);
  EXPECT_LE(page.bytes, kMax);
  EXPECT_GT(page.bytes, kMax - 1'500);
}

TEST(HistoryPage, AroundAnAnchorKeepsTheNearest) {
  const Page middle = page_of(RecordRange::kAround, 50, kMax, 1, 100);
  EXPECT_LE(middle.bytes, kMax);
  EXPECT_GT(middle.bytes, kMax - 1'500);
  EXPECT_LE(
      std::max(50 - middle.first, middle.last - 50) - std::min(50 - middle.first, middle.last - 50),
      1U);
  EXPECT_EQ(page_of(RecordRange::kAround, 1, kMax, 1, 100).first, 1U);
  EXPECT_EQ(page_of(RecordRange::kAround, 100, kMax, 1, 100).last, 100U);
  EXPECT_EQ(page_of(RecordRange::kAround, 500, kMax, 1, 100).last, 100U) << "past the head";
}

TEST(HistoryPage, OneMessageAlwaysStays) {
  for (const RecordRange range :
       {RecordRange::kNewest, RecordRange::kBefore, RecordRange::kAfter, RecordRange::kAround}) {
    const Page page = page_of(range, 2, 100, 1, 3, 5'000);
    EXPECT_EQ(page.first, page.last);
    EXPECT_NE(page.first, 0U);
  }
}

TEST(HistoryPage, OfNothingIsEmpty) {
  const Page page = page_of(RecordRange::kNewest, 0, kMax, 1, 0);
  EXPECT_EQ(page.bytes, 2U);
  EXPECT_EQ(page.first, 0U);
}

}  // namespace
}  // namespace maru::gateway::rest
