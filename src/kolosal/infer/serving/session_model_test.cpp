#include "kolosal/infer/serving/session_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/infer/testing/small_model.hpp"

namespace kolosal::infer {
namespace {

TEST(SessionModel, EveryCutOfTheRowsGivesTheBytesOfTheTable) {
  TempFolder folder;
  for (const char* learner : {"random_forest", "knn"}) {
    SCOPED_TRACE(learner);
    testing::write_small_model(folder.file("m.kolosal"), learner);
    const SessionModel model(Session::open(folder.file("m.kolosal")));
    const data::Frame table = testing::small_table(300);
    const auto want = model.session().predict(table, Context()).values;
    const testing::CellTable cells(table);
    EXPECT_EQ(model.n_fields(), 3U);
    EXPECT_EQ(model.n_outputs(), 1U);
    EXPECT_GT(model.bytes_per_row(), 3 * sizeof(double));
    // Often enough that both ways are taken for each size.
    for (const std::size_t size : {1, 3, 7, 64, 300})
      for (int repeat = 0; repeat < 4; ++repeat) {
        std::vector<double> got(300);
        std::vector<BatchRows> parts;
        for (std::size_t begin = 0; begin < 300; begin += size) {
          const std::size_t n = std::min(size, 300 - begin);
          parts.push_back({cells.rows(begin, n), n, std::span(got).subspan(begin, n)});
          if (parts.size() < 3 && begin + n < 300) continue;
          model.predict(parts);
          parts.clear();
        }
        ASSERT_EQ(got, want) << size;
      }
  }
}

}  // namespace
}  // namespace kolosal::infer
