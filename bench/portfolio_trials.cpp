// Fits every entry of the portfolio on one table and writes what simulate_portfolio.py needs.
// portfolio_trials TABLE.csv TARGET MOST_ROWS OUT
// OUT: a line of JSON {"task", "n_classes", "n_rows", "trials": [{"label", "cost", "seconds", "loss"}]}, then float64: the targets of the
// validated rows, then the predictions of each trial (rows x outputs).
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "kolosal/automl/problem.hpp"
#include "kolosal/automl/search.hpp"
#include "kolosal/automl/stage.hpp"
#include "kolosal/core/row_sample.hpp"
#include "kolosal/core/thread_pool.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/pipeline/splitter.hpp"

using namespace kolosal;

int main(int argc, char** argv) try {
  if (argc != 5) return 2;
  ThreadPool pool(2);
  Context context{&pool, 2};
  context.seed = 1;
  data::Frame table = io::read_table(argv[1], {}, context);
  if (const auto most = static_cast<std::size_t>(std::stoul(argv[3])); table.n_rows() > most) {
    Rng rng(7);
    table = table.take(draw_rows(table.n_rows(), most, rng));
  }
  automl::ProblemOptions options;
  options.target = argv[2];
  const automl::Problem problem = automl::make_problem(table, options);
  const data::TargetView y = problem.target_view();
  std::vector<std::uint32_t> all(problem.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  transform::Recipe recipe(automl::base_plan().specs());
  const data::Frame base = recipe.fit_transform(problem.features, all, y, context);
  auto plan = pipeline::plan_for_size(problem.n_rows(), base.n_columns(), y);
  const auto splits = pipeline::make_splits(y, all, plan, 1);
  const auto stage = automl::make_stage(0, splits.front().train.size(), base, y, splits, std::make_shared<automl::FeatureCache>(768UL << 20), 1, context);
  const auto folder = std::filesystem::path(std::string(argv[4]) + ".run");
  automl::RunStore store = automl::RunStore::create(folder, {1, "{}"});
  automl::SearchListener listener;
  listener.ended = [](const automl::TrialResult& r) { std::fprintf(stderr, "  %-26s %8.2f s  %.5f\n", r.candidate.label.c_str(), r.seconds, r.loss); };
  listener.failed = [](std::size_t, const automl::Candidate& c, const std::string& why) { std::fprintf(stderr, "  %s failed: %s\n", c.label.c_str(), why.c_str()); };
  automl::Search search(*stage->store, stage->y, stage->splits, *stage->valid, *problem.metric, store, listener);
  const auto candidates = automl::make_portfolio(stage->shape);
  automl::Search::Limits limits;
  limits.n_trials = candidates.size();
  limits.deadline = [] { return Deadline(); };
  search.run([&](std::size_t number, const auto&) { return number < candidates.size() ? std::optional(candidates[number]) : std::nullopt; }, limits, context);

  nlohmann::json head = {{"task", data::task_name(problem.task)}, {"n_classes", y.n_classes}, {"n_rows", stage->valid->target.size()}, {"trials", nlohmann::json::array()}};
  for (const auto& r : search.results())
    head["trials"].push_back({{"label", r.candidate.label}, {"cost", r.candidate.cost}, {"seconds", r.seconds}, {"loss", r.loss}, {"outputs", r.prediction.size() / stage->valid->target.size()}});
  std::ofstream out(argv[4], std::ios::binary);
  out << head.dump() << '\n';
  const auto write = [&](const std::vector<double>& values) { out.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(double))); };
  write(stage->valid->target);
  for (const auto& r : search.results()) write(r.prediction);
  std::filesystem::remove_all(folder);
  return out.good() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 1;
}
