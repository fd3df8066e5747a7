#include "kolosal/infer/serving/model_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "kolosal/core/memory.hpp"
#include "kolosal/core/system_files.hpp"
#include "kolosal/core/testing/fake_clock.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/infer/serving/dynamic_batcher.hpp"
#include "kolosal/infer/testing/small_model.hpp"

namespace kolosal::infer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// Three models that predict differently, and what they say of a row.
class ModelCacheTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempFolder>();
    for (std::uint64_t i = 0; i < 3; ++i) testing::write_small_model(path(i), "random_forest", i);
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static std::string path(std::uint64_t i) { return folder_->file("m" + std::to_string(i) + ".kolosal"); }
  static double bytes(std::uint64_t i) { return static_cast<double>(std::filesystem::file_size(path(i))); }
  static void add_all(ModelCache& cache) {
    for (std::uint64_t i = 0; i < 3; ++i) cache.add("m", std::to_string(i + 1), path(i));
  }
  static std::vector<double> predictions(const SessionModel& model) {
    return model.session().predict(testing::small_table(50), Context()).values;
  }

  static inline std::unique_ptr<TempFolder> folder_;
  FakeClock clock_;
};

TEST_F(ModelCacheTest, OpensAModelWhenItIsAskedForAndKeepsIt) {
  ModelCache cache;
  cache.add("m", "1", path(0));
  EXPECT_EQ(cache.counters().mapped.models, 0U);
  EXPECT_EQ(cache.counters().n_known, 1U);
  const auto first = cache.get("m");
  EXPECT_EQ(cache.get("m", "1"), first);
  const ModelCacheCounters counters = cache.counters();
  EXPECT_EQ(counters.compiled.misses, 1U);
  EXPECT_EQ(counters.compiled.hits, 1U);
  EXPECT_EQ(counters.mapped.misses, 1U);
  EXPECT_EQ(static_cast<double>(counters.mapped.bytes), bytes(0));
  EXPECT_GT(counters.compiled.bytes, counters.mapped.bytes);
  EXPECT_EQ(predictions(*first), Session::open(path(0)).predict(testing::small_table(50), Context()).values);
}

TEST_F(ModelCacheTest, TakesModelsOfOtherPrograms) {
  ModelCache cache({.compiled = {.max_models = 1}});
  cache.add("booster", "1",
            std::filesystem::path(std::getenv("KOLOSAL_TEST_FILES")) / "foreign/lightgbm_binary.txt");
  cache.add("m", "1", path(0));
  for (int i = 0; i < 2; ++i) {  // the second time after it was given up
    const auto model = cache.get("booster");
    EXPECT_TRUE(model->session().is_imported());
    EXPECT_EQ(cache.get("m")->session().is_imported(), false);
  }
  EXPECT_EQ(cache.counters().mapped.models, 1U);
  EXPECT_EQ(cache.counters().compiled.evictions, 3U);
}

TEST_F(ModelCacheTest, AMappedModelIsMadeAgainWithoutItsFile) {
  TempFolder folder;
  const std::string copy = folder.file("copy.kolosal");
  std::filesystem::copy_file(path(0), copy);
  ModelCache cache({.compiled = {.max_models = 1}});
  cache.add("copy", "1", copy);
  cache.add("m", "1", path(1));
  const auto want = predictions(*cache.get("copy"));
  cache.get("m");  // which takes the place of the compiled one
  std::filesystem::remove(copy);
  EXPECT_EQ(predictions(*cache.get("copy")), want);
}

TEST_F(ModelCacheTest, NoVersionIsTheCurrentOneWhereverItIsAsked) {
  ModelCache cache;
  add_all(cache);
  cache.set_current("m", "");
  EXPECT_EQ(cache.current("m"), "1");
  cache.pin("m", "");
  cache.unpin("m", "");
  EXPECT_EQ(cache.get("m"), cache.get("m", "1"));
}

TEST_F(ModelCacheTest, TheFirstVersionIsCurrentUntilAnotherOneIsMadeSo) {
  ModelCache cache;
  add_all(cache);
  EXPECT_EQ(cache.current("m"), "1");
  const auto old = cache.get("m");
  cache.set_current("m", "3");
  EXPECT_EQ(cache.current("m"), "3");
  EXPECT_EQ(cache.get("m"), cache.get("m", "3"));
  EXPECT_NE(predictions(*cache.get("m")), predictions(*old));
  EXPECT_EQ(cache.get("m", "1"), old);
}

TEST_F(ModelCacheTest, WhatCanNotBeOpenedDoesNotTakeThePlaceOfTheCurrentOne) {
  ModelCache cache;
  cache.add("m", "1", path(0));
  cache.add("m", "2", folder_->write("broken.kolosal", "KOLOSAL, but no more than that"));
  EXPECT_ERROR(cache.set_current("m", "2"), kModel, HasSubstr("broken.kolosal"));
  EXPECT_ERROR(cache.pin("m", "2"), kModel, HasSubstr("broken.kolosal"));
  EXPECT_EQ(cache.current("m"), "1");
  EXPECT_NO_THROW(cache.get("m"));
  EXPECT_EQ(cache.counters().n_failed, 2U);
  // It is tried again: the file may have been mended.
  cache.add("m", "2", path(1));
  cache.set_current("m", "2");
  EXPECT_EQ(cache.current("m"), "2");
}

TEST_F(ModelCacheTest, UnknownNamesAndVersionsAreToldWithThoseThereAre) {
  ModelCache cache;
  EXPECT_ERROR(cache.get("m"), kNotFound, HasSubstr("there is none"));
  add_all(cache);
  EXPECT_ERROR(cache.get("n"), kNotFound, AllOf(HasSubstr("\"n\""), HasSubstr("there is m")));
  EXPECT_ERROR(cache.get("m", "9"), kNotFound, HasSubstr("it has 1, 2, 3"));
  EXPECT_ERROR(cache.current("n"), kNotFound, HasSubstr("\"n\""));
  EXPECT_ERROR(cache.add("m", "", path(0)), kInvalidParameter, HasSubstr("version"));
}

TEST_F(ModelCacheTest, GivesUpWhatWasNotUsedForLongest) {
  ModelCache cache({.compiled = {.max_models = 2}, .mapped = {.max_models = 10}});
  add_all(cache);
  const auto one = cache.get("m", "1");
  cache.get("m", "2");
  EXPECT_EQ(cache.get("m", "1"), one);
  cache.get("m", "3");  // in the place of 2
  EXPECT_EQ(cache.get("m", "1"), one);
  ModelCacheCounters counters = cache.counters();
  EXPECT_EQ(counters.compiled.evictions, 1U);
  EXPECT_EQ(counters.compiled.models, 2U);
  EXPECT_EQ(counters.mapped.models, 3U);
  // It is made again from the file that is still mapped.
  cache.get("m", "2");
  counters = cache.counters();
  EXPECT_EQ(counters.mapped.hits, 1U);
  EXPECT_EQ(counters.mapped.misses, 3U);
}

TEST_F(ModelCacheTest, KeepsToItsBytesAndTheNewestWhateverItsSize) {
  ModelCache cache({.compiled = {.max_bytes = 1}, .mapped = {.max_bytes = 1}});
  add_all(cache);
  for (const char* version : {"1", "2", "3"}) {
    const auto model = cache.get("m", version);
    EXPECT_EQ(cache.get("m", version), model);
    EXPECT_EQ(cache.counters().compiled.models, 1U);
    EXPECT_EQ(cache.counters().mapped.models, 1U);
  }
  EXPECT_EQ(cache.counters().mapped.evictions, 2U);
}

TEST_F(ModelCacheTest, PinnedVersionsStay) {
  ModelCache cache({.compiled = {.max_models = 1, .ttl_s = 10},
                    .mapped = {.max_models = 1, .ttl_s = 10},
                    .clock = &clock_});
  add_all(cache);
  cache.pin("m", "1");
  const auto pinned = cache.get("m", "1");
  cache.get("m", "2");
  cache.get("m", "3");
  clock_.advance(100);
  cache.expire();
  EXPECT_EQ(cache.counters().compiled.models, 1U);
  EXPECT_EQ(cache.get("m", "1"), pinned);
  cache.unpin("m", "1");
  clock_.advance(100);
  cache.expire();
  EXPECT_EQ(cache.counters().compiled.models, 0U);
  EXPECT_EQ(cache.counters().mapped.bytes, 0U);
}

TEST_F(ModelCacheTest, WhatIsNotUsedForAWhileGoesDownALevelAtATime) {
  ModelCache cache({.compiled = {.ttl_s = 10}, .mapped = {.ttl_s = 60}, .clock = &clock_});
  add_all(cache);
  cache.get("m", "1");
  clock_.advance(9);
  cache.get("m", "1");  // a use makes it young again
  clock_.advance(9);
  cache.get("m", "2");
  EXPECT_EQ(cache.counters().compiled.expirations, 0U);
  clock_.advance(1);
  cache.expire();
  EXPECT_EQ(cache.counters().compiled.expirations, 1U);
  EXPECT_EQ(cache.counters().mapped.models, 2U);
  clock_.advance(100);
  cache.expire();
  const ModelCacheCounters counters = cache.counters();
  EXPECT_EQ(counters.compiled.models + counters.mapped.models, 0U);
  EXPECT_EQ(counters.mapped.expirations, 2U);
  EXPECT_EQ(counters.n_known, 3U);
  cache.get("m", "1");
}

TEST_F(ModelCacheTest, ARemovedVersionLivesOnWithThoseWhoHoldIt) {
  ModelCache cache;
  add_all(cache);
  const auto held = cache.get("m", "1");
  EXPECT_ERROR(cache.remove("m", "1"), kInvalidParameter, HasSubstr("current"));
  cache.set_current("m", "2");
  EXPECT_TRUE(cache.remove("m", "1"));
  EXPECT_FALSE(cache.remove("m", "1"));
  EXPECT_FALSE(cache.remove("n", "1"));
  EXPECT_ERROR(cache.get("m", "1"), kNotFound, HasSubstr("2, 3"));
  EXPECT_EQ(predictions(*held).size(), 50U);
  EXPECT_EQ(cache.counters().compiled.models, 1U);
}

TEST_F(ModelCacheTest, ManyThatAskAtOnceCauseOneLoad) {
  for (int round = 0; round < 10; ++round) {
    ModelCache cache;
    cache.add("m", "1", path(0));
    std::vector<ModelCache::Pointer> got(16);
    {
      std::vector<std::jthread> threads;
      for (auto& pointer : got) threads.emplace_back([&] { pointer = cache.get("m"); });
    }
    EXPECT_THAT(got, ::testing::Each(got[0]));
    const ModelCacheCounters counters = cache.counters();
    EXPECT_EQ(counters.mapped.misses, 1U);
    EXPECT_EQ(counters.compiled.hits + counters.n_joined, 15U);
  }
}

TEST_F(ModelCacheTest, SixteenThreadsPredictWhileVersionsAreSwapped) {
  ModelCache cache({.compiled = {.max_models = 2}, .mapped = {.max_models = 2}});
  add_all(cache);
  std::vector<std::vector<double>> want;
  for (std::uint64_t i = 0; i < 3; ++i)
    want.push_back(Session::open(path(i)).predict(testing::small_table(50), Context()).values);
  DynamicBatcher batcher({.max_running = 2, .handover_s = 0});
  BatchLane& lane = batcher.lane("m");
  const data::Frame table = testing::small_table(50);
  const testing::CellTable cells(table);
  std::atomic<std::size_t> n_wrong{0}, n_done{0};
  std::atomic<bool> is_over{false};
  std::jthread swaps([&] {
    for (int i = 0; !is_over; ++i) cache.set_current("m", std::to_string(1 + i % 3));
  });
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 16; ++t)
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < 60; ++i) {
          const std::size_t row = (17 * t + i) % 50;
          double out = -1;
          const BatchStatus status =
              batcher.predict(lane, {cache.get("m"), {cells.rows(row, 1), 1, std::span(&out, 1)}});
          n_done += status == BatchStatus::kDone;
          n_wrong += out != want[0][row] && out != want[1][row] && out != want[2][row];
        }
      });
  }
  is_over = true;
  swaps.join();
  EXPECT_EQ(n_done, 16U * 60);
  EXPECT_EQ(n_wrong, 0U);
}

std::size_t n_open_files() {
  std::size_t out = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++out;
  return out;
}

/// Those of model files; all others are as the allocator likes.
std::size_t n_model_maps() {
  return static_cast<std::size_t>(std::ranges::count_if(
      read_lines("/proc/self/maps"), [](const std::string& line) { return line.ends_with(".kolosal"); }));
}

TEST_F(ModelCacheTest, TenThousandTimesOpenedAndClosedLeaveNothingBehind) {
  ModelCache cache({.compiled = {.max_models = 1}, .mapped = {.max_models = 1}});
  for (const char* version : {"1", "2"}) {
    const std::string file = folder_->file(std::string("constant") + version + ".kolosal");
    testing::write_small_model(file, "constant");
    cache.add("m", version, file);
  }
  const auto cycles = [&](int n) {
    for (int i = 0; i < n; ++i) cache.get("m", i % 2 == 0 ? "1" : "2");
  };
  cycles(200);
  const std::size_t heap = heap_bytes(), files = n_open_files(), maps = n_model_maps();
  cycles(10'000);
  EXPECT_EQ(cache.counters().mapped.misses, 10'200U);
  EXPECT_LE(heap_bytes(), heap + (64 << 10));
  EXPECT_EQ(n_open_files(), files);
  EXPECT_EQ(n_model_maps(), maps);
  EXPECT_GE(maps, 1U);  // or they are called otherwise now, and nothing was counted
}

}  // namespace
}  // namespace kolosal::infer
