#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kolosal/core/random.hpp"
#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/transform/testing/frames.hpp"

namespace kolosal::transform {
namespace {

using data::Column;
using data::Frame;
using data::Task;
using ::testing::ElementsAre;

// 200 rows: a growing serial, a shuffled one, sparse distinct numbers, repeating numbers, keys, names,
// floats.
Frame table() {
  std::vector<std::int64_t> serial, shuffled, sparse, repeating;
  std::vector<double> real;
  std::vector<std::optional<std::string>> key, name;
  std::vector<int> order(200);
  std::iota(order.begin(), order.end(), 0);
  Rng(5).shuffle(order);
  for (int i = 0; i < 200; ++i) {
    const std::int64_t place = order[static_cast<std::size_t>(i)];
    serial.push_back(1000 + 3 * i);
    shuffled.push_back(place);
    sparse.push_back(place * 12'345);
    repeating.push_back(i % 150);
    real.push_back(i);
    key.emplace_back("A-" + std::to_string(i));
    name.emplace_back("Mr. Smith " + std::to_string(i));
  }
  return {{"serial", "shuffled", "sparse", "repeating", "real", "key", "name"},
          {Column::from_int64(serial), Column::from_int64(shuffled), Column::from_int64(sparse),
           Column::from_int64(repeating), Column::from_float64(real), Column::from_texts(key),
           Column::from_texts(name)}};
}

std::vector<std::string> left(const std::vector<double>& values, Task task) {
  return fit_all("drop_id_like", {}, table(), {task, values, {}, task == Task::kBinary ? 2U : 0U}).names();
}

TEST(DropIdLike, DropsSerialsAndKeys) {
  EXPECT_THAT(fit_all("drop_id_like", {}, table()).names(),
              ElementsAre("real", "sparse", "repeating", "name"));
  Rng rng(3);
  std::vector<double> noise;
  for (int i = 0; i < 200; ++i) noise.push_back(rng.normal());
  EXPECT_THAT(left(noise, Task::kRegression), ElementsAre("real", "sparse", "repeating", "name"));
}

TEST(DropIdLike, KeepsASerialAlongWhichTheTargetChanges) {
  Rng rng(3);
  std::vector<double> season, sorted;
  for (int i = 0; i < 200; ++i) {
    season.push_back(std::sin(i / 20.0) * 2 + rng.normal());
    sorted.push_back(i < 120 ? 0 : 1);
  }
  EXPECT_THAT(left(season, Task::kRegression), ElementsAre("real", "serial", "sparse", "repeating", "name"));
  // A file that was sorted by its class: the serial would give the answer away.
  EXPECT_THAT(left(sorted, Task::kBinary), ElementsAre("real", "sparse", "repeating", "name"));
}

}  // namespace
}  // namespace kolosal::transform
