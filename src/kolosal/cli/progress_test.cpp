#include "kolosal/cli/progress.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "kolosal/cli/text_table.hpp"

namespace kolosal::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

automl::Event searching() {
  automl::Event out;
  out.kind = automl::Event::Kind::kTrialEnd;
  out.phase = "search";
  out.message = "lightgbm small";
  out.metric = "roc_auc";
  out.best_score = 0.92931;
  out.n_trials_done = 14;
  return out;
}

TEST(Progress, BarTellsPhaseTimeBestScoreAndTrials) {
  const std::string line = bar_line(searching(), 60, 15, 100);
  EXPECT_THAT(line, StartsWith("search   █████               "));  // a quarter of 20 columns
  for (const char* part : {"45 s left", "best roc_auc 0.92931", "14 trials", "lightgbm small"})
    EXPECT_THAT(line, HasSubstr(part));
}

TEST(Progress, BarFitsEveryWidth) {
  for (std::size_t width = 1; width <= 120; ++width)
    EXPECT_LE(shown_width(bar_line(searching(), 60, 59.99, width)), width) << width;
  EXPECT_THAT(bar_line(searching(), 60, 15, 20), Not(HasSubstr("trials")));
}

TEST(Progress, BarOfTrialsCountsTrials) {
  automl::Event event = searching();
  event.n_trials_planned = 20;
  event.best_score = std::numeric_limits<double>::quiet_NaN();
  const std::string line = bar_line(event, 0, 125, 100);
  EXPECT_THAT(line, HasSubstr("14/20 trials"));
  EXPECT_THAT(line, HasSubstr("2:05 min"));
  EXPECT_THAT(line, Not(HasSubstr("best")));
}

TEST(TextTable, NumbersStandAtTheRightAndEmptyColumnsAreLeftOut) {
  TextTable table({"name", "n", "note"});
  table.add({"größe", "7", ""});
  table.add({"x", "12", ""});
  EXPECT_EQ(table.text(0), "name    n\ngröße   7\nx      12\n");
}

}  // namespace
}  // namespace kolosal::cli
